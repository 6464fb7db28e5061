using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mobility.Platform;

/// <summary>A typed identifier: a UUIDv7 in memory and in the database, <c>prefix_</c> and 26 base-32 characters in text (TypeID 0.3).</summary>
public interface IId<TSelf> where TSelf : struct, IId<TSelf>
{
    /// <summary>The 128-bit value.</summary>
    Guid Value { get; }

    /// <summary>Lower-case letters that name the kind of thing in text, for example <c>ride</c>.</summary>
    static abstract string Prefix { get; }

    /// <summary>Wraps a value that came from the database or from <see cref="Id.New{T}"/>.</summary>
    static abstract TSelf From(Guid value);
}

/// <summary>Makes, writes and reads typed identifiers. The only source of identifiers in the platform.</summary>
public static class Id
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford, lower case, as TypeID asks
    private const int SuffixLength = 26;
    private static readonly sbyte[] Digits = BuildDigits();

    /// <summary>A new identifier whose first 48 bits are the clock's milliseconds, so that later ids sort later.</summary>
    public static T New<T>(TimeProvider clock) where T : struct, IId<T> => T.From(NewValue(clock));

    /// <summary>A new UUIDv7 for things without a type of their own (messages, rows).</summary>
    public static Guid NewValue(TimeProvider clock) => Guid.CreateVersion7(clock.GetUtcNow());

    /// <summary>The same name in the same space gives the same id, always (RFC 9562 UUIDv8 over SHA-256): imports and replays are repeatable.</summary>
    public static T Named<T>(string space, string name) where T : struct, IId<T>
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{T.Prefix}\n{space}\n{name}"), hash);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return T.From(new Guid(hash[..16], bigEndian: true));
    }

    /// <summary><c>prefix_</c> followed by 26 characters.</summary>
    public static string Format<T>(T id) where T : struct, IId<T>
    {
        return string.Create(T.Prefix.Length + 1 + SuffixLength, id.Value, static (text, value) =>
        {
            T.Prefix.CopyTo(text);
            text[T.Prefix.Length] = '_';
            Span<byte> bytes = stackalloc byte[16];
            value.TryWriteBytes(bytes, bigEndian: true, out _);
            var number = new UInt128(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));
            for (var i = text.Length - 1; i > T.Prefix.Length; i--)
            {
                text[i] = Alphabet[(int)(number & 31)];
                number >>= 5;
            }
        });
    }

    /// <summary>Reads what <see cref="Format{T}"/> wrote; false for another prefix, another length or a character outside the alphabet.</summary>
    public static bool TryParse<T>([NotNullWhen(true)] string? text, out T id) where T : struct, IId<T>
    {
        id = default;
        if (text is null || text.Length != T.Prefix.Length + 1 + SuffixLength || !text.StartsWith(T.Prefix, StringComparison.Ordinal)
            || text[T.Prefix.Length] != '_')
            return false;
        UInt128 number = 0;
        for (var i = T.Prefix.Length + 1; i < text.Length; i++)
        {
            var digit = text[i] < 128 ? Digits[text[i]] : (sbyte)-1;
            if (digit < 0 || (i == T.Prefix.Length + 1 && digit > 7)) // 26 characters hold 130 bits: the first may carry three only
                return false;
            number = (number << 5) | (UInt128)digit;
        }
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 15; i >= 0; i--)
        {
            bytes[i] = (byte)(number & 0xFF);
            number >>= 8;
        }
        id = T.From(new Guid(bytes, bigEndian: true));
        return true;
    }

    /// <summary>Reads what <see cref="Format{T}"/> wrote.</summary>
    /// <exception cref="FormatException">The text is not an identifier of this type.</exception>
    public static T Parse<T>(string text) where T : struct, IId<T> =>
        TryParse<T>(text, out var id) ? id : throw new FormatException($"'{text}' is not a {T.Prefix}_ identifier.");

    private static sbyte[] BuildDigits()
    {
        var digits = new sbyte[128];
        Array.Fill(digits, (sbyte)-1);
        for (var i = 0; i < Alphabet.Length; i++)
            digits[Alphabet[i]] = (sbyte)i;
        return digits;
    }
}

/// <summary>Writes every <see cref="IId{TSelf}"/> as its text form, also as a dictionary key.</summary>
public sealed class IdJsonConverterFactory : JsonConverterFactory
{
    /// <inheritdoc/>
    public override bool CanConvert(Type typeToConvert) => IsId(typeToConvert);

    /// <summary>Whether the type is a typed identifier.</summary>
    public static bool IsId(Type type) =>
        type.IsValueType && Array.Exists(type.GetInterfaces(), i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IId<>));

    /// <inheritdoc/>
    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(IdConverter<>).MakeGenericType(typeToConvert))!;

    private sealed class IdConverter<T> : JsonConverter<T> where T : struct, IId<T>
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && Id.TryParse<T>(reader.GetString(), out var id)
                ? id
                : throw new JsonException($"Expected a {T.Prefix}_ identifier.");

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(Id.Format(value));

        public override T ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Id.TryParse<T>(reader.GetString(), out var id) ? id : throw new JsonException($"Expected a {T.Prefix}_ identifier.");

        public override void WriteAsPropertyName(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
            writer.WritePropertyName(Id.Format(value));
    }
}
