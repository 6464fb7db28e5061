namespace Mobility.Host.Packs;

/// <summary>One fault of a pack, where its author finds it.</summary>
/// <param name="File">File name inside the pack's folder.</param>
/// <param name="Line">1 for the first.</param>
/// <param name="Column">Characters, 1 for the first.</param>
/// <param name="Code">Stable, documented in docs/city-packs.md.</param>
/// <param name="Sentence">What is wrong and what would be right.</param>
internal sealed record PackError(string File, int Line, int Column, string Code, string Sentence)
{
    public override string ToString() => $"{File}:{Line}:{Column}: {Code}: {Sentence}";
}

/// <summary>Collects the faults of a pack; keeps the first hundred and counts the rest.</summary>
internal sealed class PackErrors
{
    public const int KeptMax = 100;

    private readonly List<PackError> _kept = [];

    public int Total { get; private set; }

    public void Add(PackError error)
    {
        Total++;
        if (_kept.Count < KeptMax)
            _kept.Add(error);
    }

    /// <summary>In the order of the pack's files, then of lines.</summary>
    public IReadOnlyList<PackError> InOrder(IReadOnlyList<string> files) =>
        [.. _kept.OrderBy(error => files.TakeWhile(file => file != error.File).Count()).ThenBy(error => error.Line).ThenBy(error => error.Column)];
}

/// <summary>The bytes of one file and where its lines begin, so that an offset becomes a line and a column.</summary>
internal sealed class PackSource
{
    private readonly List<int> _lineStarts = [0];
    private readonly PackErrors _errors;

    public PackSource(string file, byte[] bytes, PackErrors errors)
    {
        (File, Bytes, _errors) = (file, bytes, errors);
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] == '\n')
                _lineStarts.Add(i + 1);
        }
    }

    public string File { get; }

    public byte[] Bytes { get; }

    public void Fail(int offset, string code, string sentence)
    {
        var (line, column) = PlaceOf(offset);
        _errors.Add(new PackError(File, line, column, code, sentence));
    }

    public int LineOf(int offset) => PlaceOf(offset).Line;

    /// <summary>The offset of a byte in a line, both counted from zero; clamped to the file.</summary>
    public int OffsetOf(long line, long byteInLine) =>
        line >= _lineStarts.Count ? Bytes.Length : (int)Math.Min(Bytes.Length, _lineStarts[(int)line] + byteInLine);

    private (int Line, int Column) PlaceOf(int offset)
    {
        var index = _lineStarts.BinarySearch(offset);
        var line = index >= 0 ? index : ~index - 1;
        var column = 1;
        for (var i = _lineStarts[line]; i < offset && i < Bytes.Length; i++)
        {
            if ((Bytes[i] & 0xC0) != 0x80) // a continuation byte of UTF-8 begins no character
                column++;
        }
        return (line + 1, column);
    }
}
