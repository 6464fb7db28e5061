using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mobility.Platform;

/// <summary>An ISO 4217 currency code of three upper-case letters.</summary>
[JsonConverter(typeof(CurrencyJsonConverter))]
public readonly record struct Currency
{
    private readonly string? _code;

    /// <summary>Three upper-case letters.</summary>
    /// <exception cref="ArgumentException">The code is not three upper-case letters.</exception>
    public Currency(string code)
    {
        if (!IsCode(code))
            throw new ArgumentException($"'{code}' is not an ISO 4217 code.", nameof(code));
        _code = code;
    }

    /// <summary>The code; the default value has none and throws.</summary>
    public string Code => _code ?? throw new InvalidOperationException("A currency was never set.");

    /// <summary>The euro.</summary>
    public static Currency Eur { get; } = new("EUR");

    /// <summary>Whether the text has the form of a currency code.</summary>
    public static bool IsCode(string? code) => code is { Length: 3 } && code.All(char.IsAsciiLetterUpper);

    /// <inheritdoc/>
    public override string ToString() => _code ?? "---";
}

/// <summary>An amount in minor units (cents) of one currency. Arithmetic is checked; two currencies never mix.</summary>
/// <param name="Amount">Minor units; may be negative.</param>
/// <param name="Currency">The currency of the amount.</param>
public readonly record struct Money(long Amount, Currency Currency) : IComparable<Money>
{
    /// <summary>Nothing, in a currency.</summary>
    public static Money Zero(Currency currency) => new(0, currency);

    /// <summary>Adds; throws when the currencies differ or the sum overflows.</summary>
    public static Money operator +(Money left, Money right) => new(checked(left.Amount + Same(left, right).Amount), left.Currency);

    /// <summary>Subtracts; throws when the currencies differ or the difference overflows.</summary>
    public static Money operator -(Money left, Money right) => new(checked(left.Amount - Same(left, right).Amount), left.Currency);

    /// <summary>Negates.</summary>
    public static Money operator -(Money value) => new(checked(-value.Amount), value.Currency);

    /// <summary>Compares amounts of one currency.</summary>
    public static bool operator <(Money left, Money right) => left.CompareTo(right) < 0;

    /// <summary>Compares amounts of one currency.</summary>
    public static bool operator >(Money left, Money right) => left.CompareTo(right) > 0;

    /// <summary>Compares amounts of one currency.</summary>
    public static bool operator <=(Money left, Money right) => left.CompareTo(right) <= 0;

    /// <summary>Compares amounts of one currency.</summary>
    public static bool operator >=(Money left, Money right) => left.CompareTo(right) >= 0;

    /// <inheritdoc/>
    public int CompareTo(Money other) => Amount.CompareTo(Same(this, other).Amount);

    /// <summary>The smaller of two amounts of one currency.</summary>
    public static Money Min(Money left, Money right) => left <= right ? left : right;

    /// <summary>The larger of two amounts of one currency.</summary>
    public static Money Max(Money left, Money right) => left >= right ? left : right;

    /// <summary>Splits the amount in proportion to weights (each ≥ 0, their sum > 0); the parts add up to the whole, largest remainders first.</summary>
    /// <exception cref="ArgumentException">A weight is negative or all are zero.</exception>
    public IReadOnlyList<Money> Allocate(params IReadOnlyList<long> weights)
    {
        Int128 total = 0;
        foreach (var weight in weights)
            total += weight >= 0 ? weight : throw new ArgumentException("Weights are not negative.", nameof(weights));
        if (total == 0)
            throw new ArgumentException("At least one weight is positive.", nameof(weights));
        var parts = new long[weights.Count];
        var remainders = new Int128[weights.Count];
        var left = Amount;
        for (var i = 0; i < parts.Length; i++)
        {
            var product = (Int128)Amount * weights[i];
            parts[i] = (long)(product / total);
            remainders[i] = Int128.Abs(product % total);
            left -= parts[i];
        }
        foreach (var i in Enumerable.Range(0, parts.Length).OrderByDescending(i => remainders[i]).ThenBy(i => i).Take((int)Math.Abs(left)))
            parts[i] += Math.Sign(left);
        var currency = Currency;
        return Array.ConvertAll(parts, part => new Money(part, currency));
    }

    /// <summary>For people and logs: <c>1250 EUR minor</c> is <c>12.50 EUR</c> where the currency has two decimals.</summary>
    public override string ToString() => $"{Amount / 100m:0.00} {Currency}";

    private static Money Same(Money left, Money right) =>
        left.Currency == right.Currency ? right : throw new InvalidOperationException($"{left.Currency} and {right.Currency} do not mix.");
}

internal sealed class CurrencyJsonConverter : JsonConverter<Currency>
{
    public override Currency Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.GetString() is { } code && Currency.IsCode(code)
            ? new Currency(code)
            : throw new JsonException("Expected an ISO 4217 currency code.");

    public override void Write(Utf8JsonWriter writer, Currency value, JsonSerializerOptions options) => writer.WriteStringValue(value.Code);
}
