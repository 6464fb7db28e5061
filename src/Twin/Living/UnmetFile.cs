using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Mobility.Twin.Living;

/// <summary>
/// Who walked away in a run, one line each, in the order of time: <c>at</c> (UTC), <c>persona</c>, <c>kind</c>, <c>from_lat</c>, <c>from_lon</c>, <c>to_lat</c>,
/// <c>to_lon</c>, <c>reason</c>, see <see cref="UnmetWish"/>. A run that does not come to its end leaves the file of the run before.
/// </summary>
public sealed class UnmetFile : IDisposable
{
    private const string Unfinished = ".new";
    private readonly StreamWriter _writer;
    private bool _isComplete;

    /// <param name="path">Its name when it is complete.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public UnmetFile(string path)
    {
        Path = path;
        _writer = new StreamWriter(path + Unfinished, append: false, new UTF8Encoding(false)) { NewLine = "\n" };
        _writer.WriteLine("at,persona,kind,from_lat,from_lon,to_lat,to_lon,reason");
    }

    /// <summary>Where it is in the end.</summary>
    public string Path { get; }

    /// <summary>One more.</summary>
    public void Add(UnmetWish wish) => _writer.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{wish.At.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ},{wish.Persona},{JsonNamingPolicy.SnakeCaseLower.ConvertName(wish.Kind.ToString())},{wish.From.LatitudeDegrees:0.000000},{wish.From.LongitudeDegrees:0.000000},{wish.To.LatitudeDegrees:0.000000},{wish.To.LongitudeDegrees:0.000000},{wish.Reason}"));

    /// <summary>The run has come to its end.</summary>
    public void Complete()
    {
        _writer.Dispose();
        File.Move(Path + Unfinished, Path, overwrite: true);
        _isComplete = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isComplete)
            return;
        _writer.Dispose();
        File.Delete(Path + Unfinished);
    }
}
