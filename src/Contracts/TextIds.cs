using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mobility.Contracts;

/// <summary>
/// A name that people choose and that stays the same in every database: 1 to 64 characters of a–z, 0–9, '-', '_' and '.', first a letter or digit.
/// </summary>
public interface ITextId<TSelf> where TSelf : struct, ITextId<TSelf>
{
    /// <summary>The text.</summary>
    string Value { get; }

    /// <summary>Wraps a text that was checked before.</summary>
    static abstract TSelf From(string value);
}

/// <summary>Reads text ids; the only check of their form.</summary>
public static class TextId
{
    /// <summary>Most characters of a text id.</summary>
    public const int LengthMax = 64;

    /// <summary>Whether the text has the form of a text id.</summary>
    public static bool IsValid([NotNullWhen(true)] string? text) =>
        text is { Length: > 0 and <= LengthMax } && (char.IsAsciiLetterLower(text[0]) || char.IsAsciiDigit(text[0]))
        && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');

    /// <summary>Wraps a text of the right form; false otherwise.</summary>
    public static bool TryParse<T>([NotNullWhen(true)] string? text, out T id) where T : struct, ITextId<T>
    {
        id = IsValid(text) ? T.From(text) : default;
        return IsValid(text);
    }
}

/// <summary>A text id is a JSON string, also as a member name.</summary>
/// <typeparam name="T">The id.</typeparam>
public sealed class TextIdJsonConverter<T> : JsonConverter<T> where T : struct, ITextId<T>
{
    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && TextId.TryParse<T>(reader.GetString(), out var id) ? id : throw Unexpected();

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);

    /// <inheritdoc/>
    public override T ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        TextId.TryParse<T>(reader.GetString(), out var id) ? id : throw Unexpected();

    /// <inheritdoc/>
    public override void WriteAsPropertyName(Utf8JsonWriter writer, [DisallowNull] T value, JsonSerializerOptions options) =>
        writer.WritePropertyName(value.Value);

    private static JsonException Unexpected() => new("Expected 1 to 64 characters of a-z, 0-9, '-', '_' and '.', first a letter or digit.");
}

/// <summary>A city where the operator rides, for example <c>demo</c>.</summary>
/// <param name="Value">The text.</param>
[JsonConverter(typeof(TextIdJsonConverter<CityId>))]
public readonly record struct CityId(string Value) : ITextId<CityId>
{
    /// <inheritdoc/>
    public static CityId From(string value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>A zone, unique within its city.</summary>
/// <param name="Value">The text.</param>
[JsonConverter(typeof(TextIdJsonConverter<ZoneId>))]
public readonly record struct ZoneId(string Value) : ITextId<ZoneId>
{
    /// <inheritdoc/>
    public static ZoneId From(string value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>A parking or charging bay, unique within its city.</summary>
/// <param name="Value">The text.</param>
[JsonConverter(typeof(TextIdJsonConverter<BayId>))]
public readonly record struct BayId(string Value) : ITextId<BayId>
{
    /// <inheritdoc/>
    public static BayId From(string value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>A vehicle type (GBFS <c>vehicle_type_id</c>), unique within its city.</summary>
/// <param name="Value">The text.</param>
[JsonConverter(typeof(TextIdJsonConverter<VehicleTypeId>))]
public readonly record struct VehicleTypeId(string Value) : ITextId<VehicleTypeId>
{
    /// <inheritdoc/>
    public static VehicleTypeId From(string value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>A tariff (GBFS <c>plan_id</c>), unique within its city.</summary>
/// <param name="Value">The text.</param>
[JsonConverter(typeof(TextIdJsonConverter<TariffId>))]
public readonly record struct TariffId(string Value) : ITextId<TariffId>
{
    /// <inheritdoc/>
    public static TariffId From(string value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}
