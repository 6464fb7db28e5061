using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Mobility.Platform;

/// <summary>The two dialects of JSON: what is stored and sent between modules, and the stricter one at the HTTP door.</summary>
public static class MobilityJson
{
    /// <summary>Deepest nesting that is read anywhere.</summary>
    public const int DepthMax = 32;

    /// <summary>Events, messages, stored replies: camelCase, typed ids, enums by name; unknown members are ignored, so that writers may add some.</summary>
    public static JsonSerializerOptions Stored { get; } = Build(strict: false);

    /// <summary>Requests: as stored, but unknown, duplicate or missing members are errors.</summary>
    public static JsonSerializerOptions Http { get; } = Build(strict: true);

    /// <summary>Applies the HTTP dialect to options that a framework owns.</summary>
    public static void Apply(JsonSerializerOptions options, bool strict = true)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
        options.MaxDepth = DepthMax;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.RespectNullableAnnotations = strict;
        options.RespectRequiredConstructorParameters = strict;
        options.UnmappedMemberHandling = strict ? JsonUnmappedMemberHandling.Disallow : JsonUnmappedMemberHandling.Skip;
        options.AllowDuplicateProperties = !strict;
        options.Converters.Add(new IdJsonConverterFactory());
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false));
        if (strict)
            options.Converters.Add(new StorableStringConverter());
        options.TypeInfoResolver ??= new DefaultJsonTypeInfoResolver();
    }

    private static JsonSerializerOptions Build(bool strict)
    {
        var options = new JsonSerializerOptions();
        Apply(options, strict);
        options.MakeReadOnly();
        return options;
    }

    /// <summary>PostgreSQL stores no NUL character and no half surrogate pair, so the door refuses them with the field's path.</summary>
    private sealed class StorableStringConverter : JsonConverter<string>
    {
        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.String)
                throw new JsonException("Expected a string.");
            string text;
            try
            {
                text = reader.GetString()!;
            }
            catch (InvalidOperationException)
            {
                throw new JsonException("The string is not valid Unicode.");
            }
            return text.Contains('\0', StringComparison.Ordinal) ? throw new JsonException("The string contains a NUL character.") : text;
        }

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
    }
}
