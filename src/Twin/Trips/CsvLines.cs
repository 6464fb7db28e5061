using System.Text;

namespace Mobility.Twin.Trips;

/// <summary>
/// Reads CSV (RFC 4180) line by line. Trip files never break a line inside a field, so a quote that is never closed spoils one row only; a general reader
/// would swallow the rest of a file of a gigabyte into that field.
/// </summary>
internal static class CsvLines
{
    /// <summary>Longer lines are no rows of a trip file.</summary>
    public const int LengthMax = 8_192;

    /// <summary>The fields of a line, or why it cannot be read.</summary>
    public static (IReadOnlyList<string> Fields, string? Fault) Split(string line)
    {
        var fields = new List<string>(16);
        var at = 0;
        while (true)
        {
            if (at < line.Length && line[at] == '"')
            {
                if (Quoted(line, ref at) is not { } text)
                    return ([], "a quote is not closed");
                fields.Add(text);
                if (at < line.Length && line[at] != ',')
                    return ([], "text follows a closing quote");
            }
            else
            {
                var end = line.IndexOf(',', at);
                end = end < 0 ? line.Length : end;
                fields.Add(line[at..end]);
                at = end;
            }
            if (at >= line.Length)
                return (fields, null);
            at++;
        }
    }

    /// <summary>The next line without its end, cut at <see cref="LengthMax"/> characters; null at the end of the text.</summary>
    public static string? Read(TextReader reader, StringBuilder buffer)
    {
        buffer.Clear();
        var next = reader.Read();
        if (next < 0)
            return null;
        for (; next >= 0 && next != '\n'; next = reader.Read())
        {
            if (buffer.Length <= LengthMax)
                buffer.Append((char)next);
        }
        if (buffer.Length > 0 && buffer[^1] == '\r')
            buffer.Length--;
        return buffer.ToString();
    }

    private static string? Quoted(string line, ref int at)
    {
        var text = new StringBuilder();
        for (at++; at < line.Length; at++)
        {
            if (line[at] != '"')
            {
                text.Append(line[at]);
                continue;
            }
            if (at + 1 >= line.Length || line[at + 1] != '"')
            {
                at++;
                return text.ToString();
            }
            text.Append('"');
            at++;
        }
        return null;
    }
}
