using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Mobility.Contracts;

namespace Mobility.Host.Packs;

/// <summary>opening_rules.json: when rides of each kind may start, in the city's wall-clock time.</summary>
internal static class OpeningRulesFile
{
    private static readonly string[] DayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]; // as DayOfWeek counts

    public static IReadOnlyList<Placed<OpeningRule>> Read(PackObject? root)
    {
        if (root is null)
            return [];
        var rules = new List<Placed<OpeningRule>>();
        var kinds = new Uniqueness("rule for vehicle kind");
        foreach (var node in root.List("opening_rules"))
        {
            if (PackObject.Of(node) is not { } rule)
                continue;
            var kind = rule.Choice<VehicleKind>("vehicle_kind");
            kinds.Check(rule.Find("vehicle_kind", required: false)?.Text, rule.Find("vehicle_kind", required: false));
            rules.Add(new Placed<OpeningRule>(new OpeningRule(kind, [.. rule.List("hours", countMax: 50).Select(Hours).OfType<OpeningHours>()]), node));
            rule.Close();
        }
        root.Close();
        return rules;
    }

    private static OpeningHours? Hours(PackNode node)
    {
        if (PackObject.Of(node) is not { } hours)
            return null;
        var days = Days(hours);
        var opens = Time(hours, "opens");
        var closes = Time(hours, "closes");
        if (opens is not null && closes <= opens)
            hours.Find("closes")!.Fail("pack.out_of_range", "Hours close after they open; hours over midnight are two entries.");
        hours.Close();
        return new OpeningHours(days, opens ?? default, closes ?? default);
    }

    private static ImmutableArray<DayOfWeek> Days(PackObject hours)
    {
        var unique = new Uniqueness("day");
        var days = ImmutableArray.CreateBuilder<DayOfWeek>();
        foreach (var node in hours.List("days", countMin: 1, countMax: 7))
        {
            var day = node.Kind == JsonTokenType.String ? Array.IndexOf(DayNames, node.Text) : -1;
            if (day < 0)
                node.Fail("pack.unknown_value", $"Expected one of {string.Join(", ", DayNames)}.");
            else
                days.Add((DayOfWeek)day);
            unique.Check(node.Text, node);
        }
        return days.ToImmutable();
    }

    /// <summary>00:00 to 24:00.</summary>
    private static TimeSpan? Time(PackObject hours, string name)
    {
        if (hours.Find(name) is not { } node)
            return null;
        if (node.Kind == JsonTokenType.String && node.Text == "24:00")
            return TimeSpan.FromHours(24);
        if (node.Kind == JsonTokenType.String && TimeOnly.TryParseExact(node.Text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
            return time.ToTimeSpan();
        node.Fail("pack.wrong_type", "A time is written 07:30, from 00:00 to 24:00.");
        return null;
    }
}
