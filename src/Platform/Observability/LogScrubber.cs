using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Mobility.Platform.Observability;

/// <summary>
/// What may stand in a log. Values are allowed by their type (ids, whole numbers, instants, durations, enumerations) or by their placeholder's name
/// (<see cref="Names"/>); everything else is written as <see cref="Hidden"/>. Free text (messages of exceptions) is searched for e-mail addresses, telephone
/// numbers and coordinates, which are hidden too.
/// </summary>
public static partial class LogScrubber
{
    /// <summary>Stands for a value that may not be logged.</summary>
    public const string Hidden = "***";

    /// <summary>Longest text of one value.</summary>
    public const int TextLengthMax = 2_000;

    /// <summary>Placeholders whose values are no personal data. Add a name only when no value of it can ever be one.</summary>
    public static IReadOnlySet<string> Names { get; } = new[]
    {
        // ours
        "Actor", "Attempt", "City", "Code", "Contract", "Correlation", "Currency", "Endpoint", "Feature", "Job", "Kind", "Law", "Limit", "Module", "Move",
        "Pack", "Payment", "Peer", "Phase", "Policy", "Provider", "Reason", "Setting", "State", "Step", "Subscription", "Target", "Template", "Type", "View", "Zone",
        // of the framework
        "address", "ConnectionId", "ContentType", "ElapsedMilliseconds", "EndpointName", "envName", "EventName", "Method", "Path", "Protocol", "ReasonPhrase",
        "RequestId", "RequestPath", "RouteName", "Scheme", "StatusCode", "TraceIdentifier", "TransportName",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>A value as it may be logged.</summary>
    public static string Show(string name, object? value, string? format = null) => value switch
    {
        null => "(null)",
        _ when !IsAllowed(name, value) => Hidden,
        string text => Clean(text),
        IFormattable formattable => formattable.ToString(format, CultureInfo.InvariantCulture),
        _ => Clean(value.ToString() ?? ""),
    };

    /// <summary>Whether a value may be logged under a name.</summary>
    public static bool IsAllowed(string name, object? value) =>
        value is null or bool or Guid or DateTimeOffset or DateTime or DateOnly or TimeSpan or Enum or Type
            or byte or sbyte or short or ushort or int or uint or long or ulong || IdJsonConverterFactory.IsId(value.GetType()) || Names.Contains(name);

    /// <summary>The sentence of a log line, its placeholders filled with what may be logged.</summary>
    public static string Fill(string template, IReadOnlyList<KeyValuePair<string, object?>> values)
    {
        var text = new StringBuilder(template.Length + 32);
        for (var i = 0; i < template.Length; i++)
        {
            var (letter, next) = (template[i], i + 1 < template.Length ? template[i + 1] : '\0');
            if (letter is '{' or '}' && next == letter)
            {
                text.Append(letter);
                i++;
                continue;
            }
            var end = letter == '{' ? template.IndexOf('}', i) : -1;
            if (end < 0)
            {
                text.Append(letter);
                continue;
            }
            var placeholder = template[(i + 1)..end];
            var name = placeholder.Split(',', ':')[0].TrimStart('@', '$');
            var format = placeholder.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon ? placeholder[(colon + 1)..] : null;
            text.Append(Show(name, ValueOf(values, name), format));
            i = end;
        }
        return text.ToString();
    }

    /// <summary>Free text without e-mail addresses, telephone numbers and coordinates.</summary>
    public static string Clean(string text)
    {
        if (text.Length > TextLengthMax)
            text = $"{text.AsSpan(0, TextLengthMax)}…";
        return text.AsSpan().ContainsAny(Suspicious) ? PersonalData().Replace(text, Hidden) : text;
    }

    private const string EmailAddress = """[^\s@<>"'(),;:=/?&]+(?:@|%40)[^\s@<>"'(),;:=/?&]+\.[^\s@<>"'(),;:=/?&]+"""; // %40: as in a URL
    private const string TelephoneNumber = """(?:(?<![\w.])\+|%2B)\d[\d ().-]{5,}\d"""; // international form
    private const string Coordinate = """(?<![\w.])-?\d{1,3}\.\d{4,}(?!\w|\.\d)"""; // any number of such precision
    private static readonly System.Buffers.SearchValues<char> Suspicious = System.Buffers.SearchValues.Create("@+.%");

    private static object? ValueOf(IReadOnlyList<KeyValuePair<string, object?>> values, string name)
    {
        for (var i = 0; i < values.Count; i++)
            if (values[i].Key == name)
                return values[i].Value;
        return Hidden;
    }

    [GeneratedRegex(EmailAddress + "|" + TelephoneNumber + "|" + Coordinate, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex PersonalData();
}
