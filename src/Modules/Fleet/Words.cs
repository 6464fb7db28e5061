using System.Collections.Frozen;
using System.Text.Json;

namespace Mobility.Fleet;

/// <summary>The snake_case words of an enumeration, as JSON and the database have them.</summary>
internal static class Words<T> where T : struct, Enum
{
    private static readonly FrozenDictionary<T, string> ByValue =
        Enum.GetValues<T>().ToFrozenDictionary(value => value, value => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()));

    private static readonly FrozenDictionary<string, T> ByWord = ByValue.ToFrozenDictionary(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal);

    public static string All { get; } = string.Join(", ", ByValue.Values.Order(StringComparer.Ordinal));

    public static string Of(T value) => ByValue[value];

    public static T Parse(string word) => ByWord[word];

    public static bool TryParse(string? word, out T value)
    {
        value = default;
        return word is not null && ByWord.TryGetValue(word, out value);
    }
}
