using System.Text;
using System.Text.Json;

namespace Mobility.Host.Packs;

/// <summary>A JSON value that remembers where it stands in its file; System.Text.Json's own tree does not.</summary>
internal sealed class PackNode
{
    private const int DepthMax = 32;

    private PackNode(PackSource source, int offset, JsonTokenType kind, string text = "") => (Source, Offset, Kind, Text) = (source, offset, kind, text);

    public PackSource Source { get; }

    public int Offset { get; }

    /// <summary>StartObject, StartArray, String, Number, True, False or Null.</summary>
    public JsonTokenType Kind { get; }

    /// <summary>The characters of a string, or a number as it is written.</summary>
    public string Text { get; }

    public IReadOnlyList<PackNode> Items { get; private init; } = [];

    public IReadOnlyDictionary<string, PackMember> Members { get; private init; } = new Dictionary<string, PackMember>();

    public void Fail(string code, string sentence) => Source.Fail(Offset, code, sentence);

    /// <summary>The root of a file, or null after a syntax error, which is reported.</summary>
    public static PackNode? Parse(PackSource source)
    {
        // A byte order mark is no JSON, but editors write it.
        var start = source.Bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        var reader = new Utf8JsonReader(source.Bytes.AsSpan(start), new JsonReaderOptions { MaxDepth = DepthMax });
        try
        {
            reader.Read();
            var root = Read(ref reader, source, start);
            while (reader.Read()) { } // throws where something follows the root
            return root;
        }
        catch (JsonException exception)
        {
            var line = exception.LineNumber ?? 0;
            var offset = source.OffsetOf(line, (exception.BytePositionInLine ?? 0) + (line == 0 ? start : 0));
            source.Fail(offset, "pack.json_syntax", FirstSentence(exception.Message));
        }
        catch (InvalidOperationException) // GetString on bytes that are no UTF-8, or half of a surrogate pair
        {
            source.Fail(start + (int)reader.TokenStartIndex, "pack.not_unicode", "The text is not valid Unicode; save the file as UTF-8.");
        }
        return null;
    }

    private static PackNode Read(ref Utf8JsonReader reader, PackSource source, int start)
    {
        var offset = start + (int)reader.TokenStartIndex;
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var members = new Dictionary<string, PackMember>(StringComparer.Ordinal);
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    var (name, nameOffset) = (reader.GetString()!, start + (int)reader.TokenStartIndex);
                    reader.Read();
                    var value = Read(ref reader, source, start);
                    if (!members.TryAdd(name, new PackMember(nameOffset, value)))
                        source.Fail(nameOffset, "pack.member_duplicate", $"The member \"{name}\" is already on line {source.LineOf(members[name].Offset)}.");
                }
                return new PackNode(source, offset, JsonTokenType.StartObject) { Members = members };
            case JsonTokenType.StartArray:
                var items = new List<PackNode>();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    items.Add(Read(ref reader, source, start));
                return new PackNode(source, offset, JsonTokenType.StartArray) { Items = items };
            case JsonTokenType.String:
                return new PackNode(source, offset, JsonTokenType.String, reader.GetString()!);
            case JsonTokenType.Number:
                return new PackNode(source, offset, JsonTokenType.Number, Encoding.UTF8.GetString(reader.ValueSpan));
            default:
                return new PackNode(source, offset, reader.TokenType);
        }
    }

    /// <summary>The framework's message without its own line number and path: ours stand in front.</summary>
    private static string FirstSentence(string message)
    {
        var end = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return end < 0 ? message : message[..end];
    }
}

/// <summary>A member of an object.</summary>
/// <param name="Offset">Where its name stands.</param>
/// <param name="Value">Its value.</param>
internal sealed record PackMember(int Offset, PackNode Value);
