using System.Collections.Immutable;
using Mobility.Contracts;
using Mobility.Geo;

namespace Mobility.Host.Packs;

/// <summary>zones.geojson: zones in order of precedence, and the rules that hold elsewhere.</summary>
internal static class ZonesFile
{
    private const int SpeedKphMax = 130;

    public static (IReadOnlyList<Placed<Zone>> Zones, IReadOnlyList<Placed<ZoneRule>> GlobalRules) Read(PackObject? root)
    {
        if (root is null)
            return ([], []);
        var zones = new List<Placed<Zone>>();
        var ids = new Uniqueness("zone");
        foreach (var feature in GeoJson.Features(root))
        {
            var id = feature.Id<ZoneId>("id");
            ids.Check(id.Value, feature.Find("id", required: false));
            var area = GeoJson.Area(feature);
            if (feature.Object("properties") is { } properties)
            {
                zones.Add(new Placed<Zone>(new Zone
                {
                    Id = id,
                    Name = properties.Text("name"),
                    Kind = properties.Choice<ZoneKind>("kind"),
                    Area = area!, // null only after a reported fault, and then there is no pack
                    Rules = [.. Rules(properties, "rules").Select(rule => rule.Value)],
                }, feature.Node));
                properties.Close();
            }
            feature.Close();
        }
        var globalRules = Rules(root, "global_rules");
        root.Close();
        return (zones, globalRules);
    }

    private static List<Placed<ZoneRule>> Rules(PackObject from, string name)
    {
        var rules = new List<Placed<ZoneRule>>();
        foreach (var node in from.List(name, countMax: 100))
        {
            if (PackObject.Of(node) is not { } rule)
                continue;
            rules.Add(new Placed<ZoneRule>(new ZoneRule
            {
                VehicleTypeIds = [.. TypeIds(rule).Select(type => type.Value.Value)],
                RideStartAllowed = rule.Flag("ride_start_allowed"),
                RideEndAllowed = rule.Flag("ride_end_allowed"),
                RideThroughAllowed = rule.Flag("ride_through_allowed"),
                MaximumSpeedKph = rule.WholeOrNull("maximum_speed_kph", 0, SpeedKphMax),
                StationParking = rule.FlagOrNull("station_parking"),
            }, node));
            rule.Close();
        }
        return rules;
    }

    public static IEnumerable<Placed<VehicleTypeId>> TypeIds(PackObject rule) =>
        rule.List("vehicle_type_ids", countMax: 1_000, required: false).Select(node => new Placed<VehicleTypeId>(PackObject.Id<VehicleTypeId>(node), node));
}

/// <summary>bays.geojson: places to park and to charge.</summary>
internal static class BaysFile
{
    private const int CapacityMax = 1_000;

    public static IReadOnlyList<Placed<Bay>> Read(PackObject? root)
    {
        if (root is null)
            return [];
        var bays = new List<Placed<Bay>>();
        var ids = new Uniqueness("bay");
        foreach (var feature in GeoJson.Features(root))
        {
            var id = feature.Id<BayId>("id");
            ids.Check(id.Value, feature.Find("id", required: false));
            var position = GeoJson.Point(feature);
            if (feature.Object("properties") is { } properties)
            {
                bays.Add(new Placed<Bay>(new Bay
                {
                    Id = id,
                    Name = properties.Text("name"),
                    Kind = properties.Choice<BayKind>("kind"),
                    Position = position,
                    Capacity = properties.Whole("capacity", 1, CapacityMax),
                    VehicleKinds = Kinds(properties),
                }, feature.Node));
                properties.Close();
            }
            feature.Close();
        }
        root.Close();
        return bays;
    }

    private static ImmutableArray<VehicleKind> Kinds(PackObject properties)
    {
        var unique = new Uniqueness("vehicle kind");
        var kinds = ImmutableArray.CreateBuilder<VehicleKind>();
        foreach (var node in properties.List("vehicle_kinds", countMin: 1))
        {
            kinds.Add(PackObject.Choice<VehicleKind>(node));
            unique.Check(node.Text, node);
        }
        return kinds.ToImmutable();
    }
}
