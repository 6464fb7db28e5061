using System.Globalization;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Geo;

namespace Mobility.Host.Packs;

/// <summary>
/// Reads the members of one object and reports what is wrong with each. A faulty member reads as its type's default, so that reading goes on and finds the
/// other faults; the pack is then refused as a whole. <see cref="Close"/> reports members that nobody asked for.
/// </summary>
internal sealed class PackObject
{
    public const int TextLengthMax = 200;
    public const long AmountMax = 1_000_000;
    private const int NumberLengthMax = 25; // longer numbers would be rounded silently

    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    private PackObject(PackNode node) => Node = node;

    public PackNode Node { get; }

    public static PackObject? Of(PackNode node)
    {
        if (node.Kind == JsonTokenType.StartObject)
            return new PackObject(node);
        node.Fail("pack.wrong_type", "Expected an object.");
        return null;
    }

    /// <summary>The node of a member; null when it is absent or null, which is reported if it is required.</summary>
    public PackNode? Find(string name, bool required = true)
    {
        _asked.Add(name);
        if (Node.Members.TryGetValue(name, out var member) && member.Value.Kind != JsonTokenType.Null)
            return member.Value;
        if (required)
            Node.Fail("pack.member_missing", $"The member \"{name}\" is missing.");
        return null;
    }

    public bool Has(string name) => Find(name, required: false) is not null;

    public PackObject? Object(string name) => Find(name) is { } node ? Of(node) : null;

    public IReadOnlyList<PackNode> List(string name, int countMin = 0, int countMax = 10_000, bool required = true)
    {
        if (Find(name, required) is not { } node)
            return [];
        if (node.Kind != JsonTokenType.StartArray)
            node.Fail("pack.wrong_type", $"\"{name}\" is a list.");
        else if (node.Items.Count < countMin || node.Items.Count > countMax)
            node.Fail("pack.out_of_range", $"\"{name}\" has {countMin} to {countMax} entries, not {node.Items.Count}.");
        return node.Items;
    }

    public string Text(string name, int lengthMax = TextLengthMax) => Find(name) is { } node ? Text(node, name, lengthMax) : "";

    public string? TextOrNull(string name, int lengthMax = TextLengthMax) => Find(name, required: false) is { } node ? Text(node, name, lengthMax) : null;

    public T Id<T>(string name) where T : struct, ITextId<T> => Find(name) is { } node ? Id<T>(node) : default;

    public static T Id<T>(PackNode node) where T : struct, ITextId<T>
    {
        if (node.Kind == JsonTokenType.String && TextId.TryParse<T>(node.Text, out var id))
            return id;
        node.Fail("pack.bad_id", "An id is 1 to 64 characters of a-z, 0-9, '-', '_' and '.', first a letter or digit.");
        return default;
    }

    /// <summary>One of an enumeration's names in lower snake case.</summary>
    public T Choice<T>(string name) where T : struct, Enum => Find(name) is { } node ? Choice<T>(node) : default;

    public static T Choice<T>(PackNode node) where T : struct, Enum
    {
        foreach (var value in Enum.GetValues<T>())
        {
            if (node.Kind == JsonTokenType.String && node.Text == Name(value))
                return value;
        }
        node.Fail("pack.unknown_value", $"Expected one of {string.Join(", ", Enum.GetValues<T>().Select(Name))}.");
        return default;
    }

    public string OneOf(string name, IReadOnlyList<string> allowed)
    {
        if (Find(name) is not { } node || (node.Kind == JsonTokenType.String && allowed.Contains(node.Text)))
            return Find(name)?.Text ?? "";
        node.Fail("pack.unknown_value", $"Expected one of {string.Join(", ", allowed)}.");
        return "";
    }

    public bool Flag(string name) => FlagOrNull(name, required: true) ?? false;

    public bool? FlagOrNull(string name, bool required = false)
    {
        var node = Find(name, required);
        if (node is not null && node.Kind is not (JsonTokenType.True or JsonTokenType.False))
            node.Fail("pack.wrong_type", $"\"{name}\" is true or false.");
        return node is null ? null : node.Kind == JsonTokenType.True;
    }

    public int Whole(string name, int min, int max) => WholeOrNull(name, min, max, required: true) ?? min;

    public int? WholeOrNull(string name, int min, int max, bool required = false)
    {
        if (Find(name, required) is not { } node)
            return null;
        if (node.Kind != JsonTokenType.Number || !int.TryParse(node.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            node.Fail("pack.wrong_type", $"\"{name}\" is a whole number.");
        else if (number < min || number > max)
            node.Fail("pack.out_of_range", $"\"{name}\" is {min} to {max}, not {number}.");
        else
            return number;
        return null;
    }

    /// <summary>An amount as people write it (2.50) in minor units (250); refused when the currency cannot represent it.</summary>
    public long Amount(string name, int minorDigits) => AmountOrNull(name, minorDigits, required: true) ?? 0;

    public long? AmountOrNull(string name, int minorDigits, bool required = false)
    {
        if (Find(name, required) is not { } node)
            return null;
        if (node.Kind != JsonTokenType.Number || node.Text.Length > NumberLengthMax
            || !decimal.TryParse(node.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var amount))
        {
            node.Fail("pack.wrong_type", $"\"{name}\" is an amount, for example 2.5.");
            return null;
        }
        if (amount is < 0 or > AmountMax)
        {
            node.Fail("pack.out_of_range", $"\"{name}\" is 0 to {AmountMax}, not {node.Text}.");
            return null;
        }
        for (var i = 0; i < minorDigits; i++)
            amount *= 10;
        // 1e-28 rounds to zero in a decimal: a zero must be written as one.
        if (amount == decimal.Truncate(amount) && (amount != 0 || !node.Text.Split('e', 'E')[0].Any(c => c is >= '1' and <= '9')))
            return (long)amount;
        node.Fail("pack.amount_not_representable", $"\"{name}\" has more than {minorDigits} decimals.");
        return null;
    }

    public GeoPoint Point(string name)
    {
        if (Object(name) is not { } point)
            return default;
        var latitude = point.Find("lat");
        var longitude = point.Find("lon");
        point.Close();
        return latitude is null || longitude is null ? default : Point(latitude, longitude);
    }

    /// <summary>Two numbers as a position; the faulty one is reported.</summary>
    public static GeoPoint Point(PackNode latitude, PackNode longitude) =>
        new(Degrees(latitude, "latitude", 90), Degrees(longitude, "longitude", 180));

    /// <summary>Reports members that no reader asked for: they are misspelled or belong elsewhere.</summary>
    public void Close()
    {
        foreach (var (name, member) in Node.Members)
        {
            if (!_asked.Contains(name))
                Node.Source.Fail(member.Offset, "pack.member_unknown", $"The member \"{name}\" is not known here; known are {string.Join(", ", _asked)}.");
        }
    }

    public static string Name<T>(T value) where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static double Degrees(PackNode node, string what, int max)
    {
        if (node.Kind == JsonTokenType.Number && double.TryParse(node.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var degrees)
            && Math.Abs(degrees) <= max)
            return degrees;
        node.Fail("pack.out_of_range", $"A {what} is a number from -{max} to {max}.");
        return 0;
    }

    private static string Text(PackNode node, string name, int lengthMax)
    {
        if (node.Kind == JsonTokenType.String && node.Text.Length > 0 && node.Text.Length <= lengthMax && node.Text.Trim() == node.Text
            && !node.Text.Any(char.IsControl))
            return node.Text;
        node.Fail("pack.bad_text", $"\"{name}\" is a text of 1 to {lengthMax} characters on one line, without spaces around it.");
        return "";
    }
}
