using FsCheck;
using FsCheck.Fluent;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Telemetry.Alerts;
using Mobility.Telemetry.Live;

namespace Mobility.Tests.Telemetry.Live;

/// <summary>The live fleet against brute force over the same vehicles.</summary>
public sealed class LiveFleetTests
{
    private sealed record Example(GeoPoint Center, int Seed, int Vehicles, int SpreadMeters, int RadiusMeters, int Limit, int Filter);

    private static Gen<Example> Examples() =>
        from anywhere in Gen.Elements(
            new GeoPoint(48.2, 11.5), new GeoPoint(0, 0), new GeoPoint(-33.9, 180), new GeoPoint(64.1, -180), new GeoPoint(83.9, 20), new GeoPoint(-84.1, 179.999),
            new GeoPoint(90, 0), new GeoPoint(-90, 50), new GeoPoint(89.99, -120), new GeoPoint(1.3, 179.9999))
        from seed in Gen.Choose(0, int.MaxValue)
        from vehicles in Gen.Choose(0, 600)
        from spread in Gen.Elements(5, 400, 3_000, 20_000)
        from radius in Gen.Elements(1, 50, 500, 1_300, 5_000, 9_999, 30_000)
        from limit in Gen.Elements(1, 2, 20, 50, 700)
        from filter in Gen.Choose(0, 5)
        select new Example(anywhere, seed, vehicles, spread, radius, limit, filter);

    [Fact, Trait("Req", "BKG-1")]
    public void The_nearest_are_those_that_brute_force_finds() => Prop.ForAll(Examples().ToArbitrary(), given =>
    {
        var random = new Random(given.Seed);
        var (fleet, known) = Fill(given, random);
        var (filter, takes) = FilterOf(given.Filter, fleet);
        var search = new LiveSearch(fleet);
        for (var i = 0; i < 5; i++)
        {
            var center = PackedPoint.Of(LiveSamples.Near(given.Center, given.SpreadMeters, random));
            var found = search.Nearest(center, given.RadiusMeters, filter, given.Limit).ToArray();
            var expected = known.Values.Where(takes)
                .Select(v => (v.Vehicle, Distance: v.Position.ToPoint().DistanceMetersTo(center.ToPoint())))
                .OrderBy(v => v.Distance).ThenBy(v => v.Vehicle).ToList();
            AreTheNearest(fleet, found, expected, given.RadiusMeters, given.Limit);
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(600));

    [Fact, Trait("Req", "BKG-1")]
    public void A_box_holds_those_that_brute_force_finds() => Prop.ForAll(Examples().ToArbitrary(), given =>
    {
        var random = new Random(given.Seed);
        var (fleet, known) = Fill(given, random);
        var (filter, takes) = FilterOf(given.Filter, fleet);
        var search = new LiveSearch(fleet);
        var (one, other) = (LiveSamples.Near(given.Center, given.SpreadMeters, random), LiveSamples.Near(given.Center, given.SpreadMeters, random));
        var box = LiveBox.Of(Math.Min(one.LatitudeDegrees, other.LatitudeDegrees), one.LongitudeDegrees, Math.Max(one.LatitudeDegrees, other.LatitudeDegrees), other.LongitudeDegrees);
        var found = search.Within(box, filter, LiveSearch.FoundMax).ToArray().Select(v => fleet.IdOf(v.Slot)).Order().ToList();
        var expected = known.Values.Where(takes).Where(v => IsIn(v.Position, one, other)).Select(v => v.Vehicle).Order().ToList();
        found.Except(expected).ShouldBeEmpty("not in the box");
        expected.Except(found).ShouldBeEmpty("missed");
        found.ShouldBeUnique();
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(600));

    [Fact, Trait("Req", "BKG-1")]
    public void A_vehicle_that_is_reserved_or_ridden_is_not_offered_and_comes_back_when_it_is_free()
    {
        var fleet = new LiveFleet();
        var here = new GeoPoint(48.2, 11.5);
        var free = LiveSamples.State(1, here, new Random(1)) with { Offered = true, Charge = 90 };
        fleet.Take(free).ShouldBeTrue();
        Labels(fleet, here).ShouldBe([free.Vehicle]);
        fleet.Take(free with { State = VehicleState.Reserved, Offered = false, Version = 3 }).ShouldBeTrue();
        Labels(fleet, here).ShouldBeEmpty();
        fleet.Take(free with { Version = 2 }).ShouldBeFalse("older news changes nothing");
        Labels(fleet, here).ShouldBeEmpty();
        fleet.Report(free.Vehicle, PackedPoint.Of(here), 95, 5, out _).ShouldBeTrue();
        Labels(fleet, here).ShouldBeEmpty("a report does not free it");
        fleet.Take(free with { Version = 4 }).ShouldBeTrue();
        Labels(fleet, here).ShouldBe([free.Vehicle]);
        fleet.Get(free.Vehicle)!.Value.Charge.ShouldBe(95, "the report is newer than what Fleet knows");
        fleet.Report(free.Vehicle, PackedPoint.Of(here), free.Class.MinimumCharge - 1, 6, out _).ShouldBeTrue();
        Labels(fleet, here).ShouldBeEmpty("it is not charged enough");
        fleet.Report(free.Vehicle, PackedPoint.Of(here), 100, 4, out _).ShouldBeFalse("an old report changes nothing");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_battery_that_was_fitted_counts_whichever_is_heard_first_it_or_a_report_that_repeats_the_charge_of_before(bool batteryFirst)
    {
        var fleet = new LiveFleet();
        var (here, there) = (new GeoPoint(48.2, 11.5), new GeoPoint(48.3, 11.5));
        var rode = LiveSamples.State(1, here, new Random(1)) with { Charge = 21, MeasuredAt = 1_000 };
        fleet.Take(rode).ShouldBeTrue();
        if (batteryFirst)
            Fit();
        fleet.Report(rode.Vehicle, PackedPoint.Of(there), 21, 1_000, 2_000, out _).ShouldBeTrue();
        if (!batteryFirst)
            Fit();
        var now = fleet.Get(rode.Vehicle)!.Value;
        (now.Charge, now.Position, now.MeasuredAt).ShouldBe((100, PackedPoint.Of(there), 2_000));
        fleet.Report(rode.Vehicle, PackedPoint.Of(there), 99, 2_500, out _).ShouldBeTrue();
        fleet.Get(rode.Vehicle)!.Value.Charge.ShouldBe(99);

        void Fit() => fleet.Take(rode with { Charge = 100, Version = 2 }).ShouldBeTrue();
    }

    [Fact]
    public void Vehicles_are_counted_in_every_zone_they_are_in_as_by_looking_at_each()
    {
        var random = new Random(20261122);
        var here = new GeoPoint(48.2, 11.5);
        for (var run = 0; run < 20; run++)
        {
            var areas = Enumerable.Range(0, random.Next(0, 12)).Select(_ => Square(LiveSamples.Near(here, 1_500, random), 100 + random.Next(900))).ToArray();
            var city = new WatchedCity(new CityId("city"), 1, new ZoneIndex(areas), [.. areas.Select((_, i) => new ZoneId($"z-{i}"))], [.. areas.Select(_ => false)]);
            var fleet = new LiveFleet();
            var states = Enumerable.Range(1, 500).Select(i => LiveSamples.State(i, LiveSamples.Near(here, 2_000, random), random)).ToArray();
            foreach (var state in states)
                fleet.Take(state);
            var ours = states.Where(s => s.Class.City == "city").ToArray();
            var expected = areas.Select((area, i) => (Zone: (ZoneId?)new ZoneId($"z-{i}"), In: ours.Where(s => area.Contains(s.Position.ToPoint())).ToArray()))
                .Append((null, ours.Where(s => !areas.Any(a => a.Contains(s.Position.ToPoint()))).ToArray()));
            CountVehiclesByZone.Count(fleet, city).ShouldBe(expected.Select(e => new CountVehiclesByZone.ZoneCount(e.Zone, e.In.Length, e.In.Count(LiveSamples.IsRentable))));
        }

        static GeoMultiPolygon Square(GeoPoint middle, int meters)
        {
            var (north, east) = (meters / 111_195.0, meters / 74_000.0);
            var (lat, lon) = (middle.LatitudeDegrees, middle.LongitudeDegrees);
            return new GeoMultiPolygon(new GeoPolygon(
                [new(lat - north, lon - east), new(lat - north, lon + east), new(lat + north, lon + east), new(lat + north, lon - east), new(lat - north, lon - east)]));
        }
    }

    [Fact]
    public void More_vehicles_on_one_spot_than_an_answer_holds_are_given_by_id()
    {
        var fleet = new LiveFleet();
        var here = new GeoPoint(-12, 180);
        for (var i = 5_000; i > 0; i--)
            fleet.Take(LiveSamples.State(i, here, new Random(i)) with { Offered = true, Charge = 90 });
        var found = new LiveSearch(fleet).Nearest(PackedPoint.Of(here), 100, LiveFilter.Rentable, 20);
        found.ToArray().Select(v => fleet.IdOf(v.Slot)).ShouldBe(Enumerable.Range(1, 5_000).Select(LiveSamples.VehicleOf).Order().Take(20));
    }

    [Fact]
    public void A_search_allocates_nothing()
    {
        var fleet = new LiveFleet();
        var random = new Random(3);
        var here = new GeoPoint(48.2, 11.5);
        for (var i = 0; i < 5_000; i++)
            fleet.Take(LiveSamples.State(i, LiveSamples.Near(here, 3_000, random), random));
        var search = new LiveSearch(fleet);
        var found = 0;
        for (var warm = 0; warm < 2; warm++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1_000; i++)
                found += search.Nearest(PackedPoint.Of(here), 500, LiveFilter.Rentable, 20).Length;
            if (warm > 0)
                (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        }
        found.ShouldBe(40_000);
    }

    private static List<Guid> Labels(LiveFleet fleet, GeoPoint here)
    {
        var found = new List<Guid>();
        foreach (var vehicle in new LiveSearch(fleet).Nearest(PackedPoint.Of(here), 500, LiveFilter.Rentable, 20))
            found.Add(fleet.IdOf(vehicle.Slot));
        return found;
    }

    /// <summary>Vehicles that came, moved, lost charge, were taken and given back, in a random order.</summary>
    private static (LiveFleet Fleet, Dictionary<Guid, LiveState> Known) Fill(Example given, Random random)
    {
        var fleet = new LiveFleet();
        var known = new Dictionary<Guid, LiveState>();
        for (var i = 0; i < given.Vehicles; i++)
        {
            var state = LiveSamples.State(i, LiveSamples.Near(given.Center, given.SpreadMeters, random), random);
            fleet.Take(state).ShouldBeTrue();
            known[state.Vehicle] = state;
        }
        for (var i = 0; i < given.Vehicles * 2; i++)
        {
            var state = known[LiveSamples.VehicleOf(random.Next(given.Vehicles))];
            if (random.Next(4) == 0)
            {
                state = state with { Version = state.Version + 1, Offered = !state.Offered };
                fleet.Take(state).ShouldBeTrue();
            }
            else
            {
                state = state with
                {
                    Position = PackedPoint.Of(LiveSamples.Near(given.Center, given.SpreadMeters, random)),
                    Charge = random.Next(101),
                    MeasuredAt = state.MeasuredAt + 1,
                };
                fleet.Report(state.Vehicle, state.Position, state.Charge, state.MeasuredAt, out _).ShouldBeTrue();
            }
            known[state.Vehicle] = state;
        }
        foreach (var state in known.Values)
            fleet.Get(state.Vehicle).ShouldBe(state);
        return (fleet, known);
    }

    private static (LiveFilter Filter, Func<LiveState, bool> Takes) FilterOf(int number, LiveFleet fleet) => number switch
    {
        0 => (LiveFilter.Of(false, null, 0), _ => true),
        1 => (LiveFilter.Rentable, LiveSamples.IsRentable),
        2 => (LiveFilter.Of(true, VehicleKind.EBike, 0), v => LiveSamples.IsRentable(v) && v.Class.Kind == VehicleKind.EBike),
        3 => (LiveFilter.Of(true, null, 60), v => LiveSamples.IsRentable(v) && v.Charge >= 60),
        4 => (LiveFilter.Rentable.With(fleet.Classes, null, 20_000), v => LiveSamples.IsRentable(v) && v.Class.RangeMeters(v.Charge) >= 20_000),
        _ => (LiveFilter.Rentable.With(fleet.Classes, "scooter", 10_000),
            v => LiveSamples.IsRentable(v) && v.Class.Type == "scooter" && v.Class.RangeMeters(v.Charge) >= 10_000),
    };

    private static void AreTheNearest(LiveFleet fleet, FoundVehicle[] found, List<(Guid Vehicle, double Distance)> expected, double radius, int limit)
    {
        const double Rounding = 1e-6; // meters; on it two ways to compute the same distance may differ
        var certain = expected.Count(v => v.Distance <= radius - Rounding);
        found.Length.ShouldBeInRange(Math.Min(limit, certain), Math.Min(limit, expected.Count(v => v.Distance <= radius + Rounding)));
        for (var i = 0; i < found.Length; i++)
        {
            found[i].DistanceMeters.ShouldBe(expected[i].Distance, Rounding);
            var id = fleet.IdOf(found[i].Slot);
            if (id != expected[i].Vehicle) // two that are equally far
                expected.Single(v => v.Vehicle == id).Distance.ShouldBe(expected[i].Distance, Rounding);
        }
        found.Select(v => v.Slot).ShouldBeUnique();
    }

    private static bool IsIn(PackedPoint p, GeoPoint west, GeoPoint east)
    {
        var (south, north) = (Math.Min(west.LatitudeDegrees, east.LatitudeDegrees), Math.Max(west.LatitudeDegrees, east.LatitudeDegrees));
        var (low, high) = (PackedPoint.Of(new GeoPoint(south, west.LongitudeDegrees)), PackedPoint.Of(new GeoPoint(north, east.LongitudeDegrees)));
        if (p.LatitudeUnits < low.LatitudeUnits || p.LatitudeUnits > high.LatitudeUnits)
            return false;
        var (l, w, e) = ((long)p.LongitudeUnits, (long)low.LongitudeUnits, east.LongitudeDegrees == 180 ? int.MaxValue : high.LongitudeUnits);
        return w <= e ? l >= w && l <= e : l >= w || l <= e;
    }
}
