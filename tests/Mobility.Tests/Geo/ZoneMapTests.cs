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

    [Fact, Trait("Req", "GEO-1")]
    public void A_zone_with_times_holds_only_then()
    {
        var monday = new DateTime(2026, 11, 23, 8, 0, 0, DateTimeKind.Unspecified);
        var market = Zone("market", 0, 10, Rule(end: false)) with
        {
            Times = new ZoneTimes
            {
                Start = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero),
                End = new DateTimeOffset(2026, 12, 1, 0, 0, 0, TimeSpan.Zero),
                Hours = [new ZoneHours([DayOfWeek.Monday], TimeSpan.FromHours(7), TimeSpan.FromHours(13))],
            },
        };
        var map = new ZoneMap([market, Zone("city", 0, 10, Rule() with { EndFine = 500, EndBonus = 100 })], []);
        ZoneRule At(DateTime local) => map.RuleAt(new GeoPoint(5, 5), "scooter", new ZoneMoment(new DateTimeOffset(local, TimeSpan.FromHours(1)), local))!;
        At(monday).RideEndAllowed.ShouldBeFalse();
        At(monday).EndFine.ShouldBe(500, "the city's rule names it");
        At(monday).EndBonus.ShouldBe(100);
        At(monday.AddHours(5)).RideEndAllowed.ShouldBeTrue("13:00 is over");
        At(monday.AddHours(-1)).RideEndAllowed.ShouldBeFalse("7:00 belongs to it");
        At(monday.AddDays(1)).RideEndAllowed.ShouldBeTrue("a Tuesday");
        At(monday.AddDays(14)).RideEndAllowed.ShouldBeTrue("the market is over");
        map.RuleAt(new GeoPoint(5, 5), "scooter")!.RideEndAllowed.ShouldBeFalse("without a time every zone counts");
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
