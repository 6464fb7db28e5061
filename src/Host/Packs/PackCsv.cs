using System.Text;

namespace Mobility.Host.Packs;

/// <summary>One field of a CSV line and where it stands.</summary>
/// <param name="Offset">Where it begins, its quote included.</param>
/// <param name="Text">Its characters without quotes.</param>
internal sealed record CsvField(int Offset, string Text);

/// <summary>
/// Reads CSV (RFC 4180, comma, UTF-8) with the position of each field, which CsvHelper does not tell. A field never spans lines, so one missing quote
/// spoils one line only. Lines of another width than the header are reported and left out.
/// </summary>
internal static class PackCsv
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static IEnumerable<IReadOnlyList<CsvField>> Rows(PackSource source, IReadOnlyList<string> header)
    {
        var start = source.Bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        var sawHeader = false;
        for (var next = start; next < source.Bytes.Length || !sawHeader; start = next)
        {
            var end = Array.IndexOf(source.Bytes, (byte)'\n', start);
            next = end < 0 ? source.Bytes.Length : end + 1;
            end = end < 0 ? source.Bytes.Length : end;
            if (end > start && source.Bytes[end - 1] == '\r')
                end--;
            if (!sawHeader)
            {
                sawHeader = true;
                var names = Fields(source, start, end);
                if (names is null || !names.Select(field => field.Text).SequenceEqual(header))
                {
                    source.Fail(start, "pack.csv_header", $"The first line is \"{string.Join(',', header)}\".");
                    yield break;
                }
                continue;
            }
            if (end == start || Fields(source, start, end) is not { } fields) // an empty line is no vehicle
                continue;
            if (fields.Count == header.Count)
                yield return fields;
            else
                source.Fail(start, "pack.csv_width", $"The line has {fields.Count} fields, the header {header.Count}.");
        }
    }

    private static List<CsvField>? Fields(PackSource source, int start, int end)
    {
        var fields = new List<CsvField>();
        var position = start;
        while (true)
        {
            var (offset, text) = (position, new List<byte>());
            if (position < end && source.Bytes[position] == '"')
            {
                position++;
                while (true)
                {
                    if (position >= end)
                    {
                        source.Fail(offset, "pack.csv_quote", "The quote that opens here is not closed on this line.");
                        return null;
                    }
                    var character = source.Bytes[position++];
                    if (character == '"')
                    {
                        if (position >= end || source.Bytes[position] != '"')
                            break;
                        position++; // two quotes inside a field are one
                    }
                    text.Add(character);
                }
            }
            else
            {
                for (; position < end && source.Bytes[position] != ','; position++)
                    text.Add(source.Bytes[position]);
            }
            if (position < end && source.Bytes[position] != ',')
            {
                source.Fail(position, "pack.csv_quote", "A quoted field ends with its quote.");
                return null;
            }
            try
            {
                fields.Add(new CsvField(offset, Utf8.GetString([.. text])));
            }
            catch (DecoderFallbackException)
            {
                source.Fail(offset, "pack.not_unicode", "The text is not valid Unicode; save the file as UTF-8.");
                return null;
            }
            if (position >= end)
                return fields;
            position++;
        }
    }
}
