using System.Collections.Immutable;
using Mobility.Geo;

namespace Mobility.Tests.Geo;

public sealed class ZoneMapTests
{
    private static readonly ZoneMap City = new(
        [
            Zone("park", 2, 4, Rule(start: false, end: false, through: false)),
            Zone("old-town", 3, 7, Rule(end: false, speed: 12, types: "scooter")),
            Zone("city", 0, 10, Rule(parking: true, types: "scooter"), Rule(speed: 50)),
        ],
        [Rule(start: false, end: false)]);

    [Fact]
    public void The_zones_at_a_point_come_in_their_order() =>
        City.At(new GeoPoint(3.5, 3.5)).Select(zone => zone.Id).ShouldBe(["park", "old-town", "city"]);

    [Fact]
    public void Of_colliding_rules_the_earlier_decides_what_is_allowed()
    {
        City.RuleAt(new GeoPoint(3.5, 3.5), "scooter")!.RideThroughAllowed.ShouldBeFalse();
        City.RuleAt(new GeoPoint(5, 5), "scooter")!.RideThroughAllowed.ShouldBeTrue();
        City.RuleAt(new GeoPoint(5, 5), "scooter")!.RideEndAllowed.ShouldBeFalse();
    }

    [Fact]
    public void Speed_and_parking_come_from_the_first_rule_that_names_them()
    {
        var rule = City.RuleAt(new GeoPoint(5, 5), "scooter")!;
        rule.MaximumSpeedKph.ShouldBe(12);
        rule.StationParking.ShouldBe(true);
        City.RuleAt(new GeoPoint(1, 1), "scooter")!.MaximumSpeedKph.ShouldBe(50);
    }

    [Fact]
    public void A_rule_binds_only_the_types_it_names()
    {
        var rule = City.RuleAt(new GeoPoint(5, 5), "van")!;
        rule.RideEndAllowed.ShouldBeTrue();
        rule.MaximumSpeedKph.ShouldBe(50);
        rule.StationParking.ShouldBeNull();
    }

    [Fact]
    public void Outside_all_zones_the_global_rules_hold()
    {
        City.RuleAt(new GeoPoint(20, 20), "scooter")!.RideStartAllowed.ShouldBeFalse();
        (City with { GlobalRules = [] }).RuleAt(new GeoPoint(20, 20), "scooter").ShouldBeNull();
    }

    private static ZoneShape Zone(string id, double low, double high, params ImmutableArray<ZoneRule> rules) =>
        new(id, new GeoMultiPolygon(new GeoPolygon([new(low, low), new(low, high), new(high, high), new(high, low), new(low, low)])), rules);

    private static ZoneRule Rule(
        bool start = true, bool end = true, bool through = true, int? speed = null, bool? parking = null, params ImmutableArray<string> types) => new()
        {
            RideStartAllowed = start,
            RideEndAllowed = end,
            RideThroughAllowed = through,
            MaximumSpeedKph = speed,
            StationParking = parking,
            VehicleTypeIds = types,
        };
}
