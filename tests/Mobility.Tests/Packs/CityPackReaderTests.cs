using FsCheck;
using FsCheck.Fluent;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Host.Packs;

namespace Mobility.Tests.Packs;

public sealed class CityPackReaderTests
{
    [Fact]
    public void The_small_pack_reads_as_it_is_written()
    {
        var reading = CityPackReader.Read(PackFolder.Tiny);
        reading.Errors.ShouldBeEmpty();
        var pack = reading.Pack!;

        pack.City.Id.ShouldBe(new CityId("tiny"));
        pack.City.Center.ShouldBe(new GeoPoint(50, 10));
        pack.City.VatBasisPoints.ShouldBe(1900);
        pack.Zones.Select(zone => (zone.Id.Value, zone.Kind)).ShouldBe([("park", ZoneKind.Restricted), ("town", ZoneKind.Operational)]);
        pack.Zones[0].Area.Contains(new GeoPoint(50.003, 10.003)).ShouldBeTrue();
        pack.Zones[1].Rules[0].MaximumSpeedKph.ShouldBe(20);
        pack.GlobalRules.Single().RideThroughAllowed.ShouldBeTrue();
        pack.Bays.Select(bay => (bay.Id.Value, bay.Kind, bay.Capacity, bay.Position))
            .ShouldBe([("north", BayKind.Parking, 6, new GeoPoint(50.005, 10)), ("depot", BayKind.Charging, 2, new GeoPoint(50, 10.005))]);
        pack.VehicleTypes.Select(type => (type.Id.Value, type.Kind, type.Mode))
            .ShouldBe([("scooter", VehicleKind.Scooter, VehicleMode.Micromobility), ("van", VehicleKind.Van, VehicleMode.CarShare)]);
        pack.Fleet.Select(vehicle => (vehicle.Label, vehicle.Plate, vehicle.StateOfChargePercent))
            .ShouldBe([("s-1", null, 88), ("s-2", null, 12), ("s-3", null, 64), ("v-1", "TN-V 1E", 100)]);
        pack.Staff.Select(person => (person.Role, person.DemoPassword))
            .ShouldBe([(StaffRole.Admin, "only-for-the-demo"), (StaffRole.FieldTechnician, null)]);
    }

    [Fact]
    public void Amounts_are_exact_in_minor_units()
    {
        var van = CityPackReader.Read(PackFolder.Tiny).Pack!.Tariffs[1];
        van.PerMinute.ShouldBe([new PriceStep(0, 30, 1, 60), new PriceStep(60, 25, 1, null)]);
        van.PerKilometer.ShouldBe([new PriceStep(0, 40, 1, null)]);
        (van.UnlockFee, van.DayPrice, van.MaximumCharge, van.NoShowFee, van.OvertimeRatePerMinute).ShouldBe((0, 9_900, 50_000, 2_000, 50));
        van.LateArrivalGrace.ShouldBe(TimeSpan.FromMinutes(30));
    }

    [Theory]
    [InlineData("2026-11-20T06:00", true)] // a Friday
    [InlineData("2026-11-20T21:59", true)]
    [InlineData("2026-11-20T22:00", false)]
    [InlineData("2026-11-20T05:59", false)]
    [InlineData("2026-11-21T12:00", false)]
    public void Opening_hours_follow_the_citys_clock(string local, bool open)
    {
        var van = CityPackReader.Read(PackFolder.Tiny).Pack!.OpeningRules.Single(rule => rule.VehicleKind == VehicleKind.Van);
        van.IsOpenAt(DateTime.Parse(local, System.Globalization.CultureInfo.InvariantCulture)).ShouldBe(open);
    }

    /// <summary>§ marks where the fault is expected; without it, the expected place is written out.</summary>
    [Theory]
    // city.json
    [InlineData("city.json", "\"tiny\"", "§\"Tiny\"", "pack.bad_id")]
    [InlineData("city.json", "\"Europe/Berlin\"", "§\"Europe/Atlantis\"", "pack.unknown_time_zone")]
    [InlineData("city.json", "\"EUR\"", "§\"Euro\"", "pack.unknown_value")]
    [InlineData("city.json", "\"lat\": 50.0", "\"lat\": §150.0", "pack.out_of_range")]
    [InlineData("city.json", "\"lat\": 50.0", "\"latitude\": 50.0", "city.json:7:13: pack.member_missing")]
    [InlineData("city.json", "1900", "§19.5", "pack.wrong_type")]
    [InlineData("city.json", "1900", "1900,", "city.json:9:1: pack.json_syntax")]
    [InlineData("city.json", "\"name\": \"Tiny\"", "\"name\": \"Tiny\", §\"nme\": 1", "pack.member_unknown")]
    [InlineData("city.json", "\"name\": \"Tiny\"", "\"name\": \"Tiny\", §\"name\": \"Too\"", "pack.member_duplicate")]
    [InlineData("city.json", "\"Tiny\"", "§\"\\ud800\"", "pack.not_unicode")]
    [InlineData("city.json", "\"Tiny\"", "§\"Ti\\u0000ny\"", "pack.bad_text")]
    // zones.geojson
    [InlineData("zones.geojson", "\"id\": \"town\"", "\"id\": §\"park\"", "pack.duplicate")]
    [InlineData("zones.geojson", "[10.002, 50.002]]]", "§[10.002, 50.001]]]", "pack.geometry_invalid")]
    [InlineData("zones.geojson", "[10.004, 50.002], [10.004, 50.004]", "[10.004, 50.004], [10.004, 50.002]", "zones.geojson:19:26: pack.geometry_invalid")]
    [InlineData("zones.geojson", "[10.004, 50.002]", "§[10.004, 500.2]", "pack.geometry_invalid")]
    [InlineData("zones.geojson", "\"Polygon\"", "§\"LineString\"", "pack.unknown_value")]
    [InlineData("zones.geojson", "\"ride_end_allowed\": false, ", "", "zones.geojson:4:5: pack.member_missing")]
    [InlineData("zones.geojson", "[\"scooter\"]", "[§\"scootr\"]", "pack.dangling_reference")]
    [InlineData("zones.geojson", "\"restricted\"", "§\"forbidden\"", "pack.unknown_value")]
    // bays.geojson
    [InlineData("bays.geojson", "\"capacity\": 6", "\"capacity\": §0", "pack.out_of_range")]
    [InlineData("bays.geojson", "[\"scooter\"]", "§[]", "pack.out_of_range")]
    [InlineData("bays.geojson", "[\"scooter\"]", "[\"e_bike\"]", "bays.geojson:4:5: pack.dangling_reference")]
    [InlineData("bays.geojson", "[10.0, 50.005]", "§[10.0]", "pack.geometry_invalid")]
    // vehicle_types.json
    [InlineData("vehicle_types.json", "\"micromobility\"", "§\"car-share\"", "pack.mode_mismatch")]
    [InlineData("vehicle_types.json", "\"default_pricing_plan_id\": \"scooter\"", "\"default_pricing_plan_id\": §\"gold\"", "pack.dangling_reference")]
    [InlineData("vehicle_types.json", "\"default_pricing_plan_id\": \"scooter\"", "\"default_pricing_plan_id\": §\"van\"", "pack.tariff_mismatch")]
    [InlineData("vehicle_types.json", "\"form_factor\": \"other\"", "\"form_factor\": §\"lorry\"", "pack.unknown_value")]
    // tariffs.json
    [InlineData("tariffs.json", "\"EUR\"", "§\"USD\"", "pack.wrong_currency")]
    [InlineData("tariffs.json", "\"price\": 1.00", "\"price\": §1.005", "pack.amount_not_representable")]
    [InlineData("tariffs.json", "\"price\": 1.00", "\"price\": §1e-30", "pack.amount_not_representable")]
    [InlineData("tariffs.json", "\"price\": 1.00", "\"price\": §-1", "pack.out_of_range")]
    [InlineData("tariffs.json", "\"price\": 1.00", "\"price\": §1e300", "pack.wrong_type")]
    [InlineData("tariffs.json", "\"price\": 1.00", "\"price\": §\"1.00\"", "pack.wrong_type")]
    [InlineData("tariffs.json", "[\"scooter\"]", "[§\"moped\"]", "pack.dangling_reference")]
    [InlineData("tariffs.json", "\"end\": 60", "\"end\": §0", "pack.out_of_range")]
    [InlineData("tariffs.json", "\"maximum_charge\": 500", "\"minimum_charge\": 1, \"maximum_charge\": §0.5", "pack.out_of_range")]
    // opening_rules.json
    [InlineData("opening_rules.json", "\"22:00\"", "§\"05:00\"", "pack.out_of_range")]
    [InlineData("opening_rules.json", "\"06:00\"", "§\"6am\"", "pack.wrong_type")]
    [InlineData("opening_rules.json", "\"vehicle_kind\": \"van\"", "\"vehicle_kind\": \"car\"", "vehicle_types.json:16:5: pack.dangling_reference")]
    [InlineData("opening_rules.json", "\"tue\"", "§\"mon\"", "pack.duplicate")]
    // fleet.csv
    [InlineData("fleet.csv", "vehicle_id,plate", "§id,plate", "pack.csv_header")]
    [InlineData("fleet.csv", "s-2,,scooter", "§s-1,,scooter", "pack.duplicate")]
    [InlineData("fleet.csv", "v-1,TN-V 1E,van", "v-1,TN-V 1E,§bus", "pack.dangling_reference")]
    [InlineData("fleet.csv", ",10.005,100", ",10.005,§101", "pack.out_of_range")]
    [InlineData("fleet.csv", ",10.005,100", ",§NaN,100", "pack.out_of_range")]
    [InlineData("fleet.csv", "scooter,50.001", "scooter,50,001", "fleet.csv:2:1: pack.csv_width")]
    [InlineData("fleet.csv", "s-2,,", "s-2,§\"A,", "pack.csv_quote")]
    // staff.json
    [InlineData("staff.json", "\"admin\"", "§\"king\"", "pack.unknown_value")]
    [InlineData("staff.json", "\"crew@tiny.example\"", "§\"Boss@tiny.example\"", "pack.duplicate")]
    [InlineData("staff.json", "\"only-for-the-demo\"", "§\"short\"", "pack.bad_text")]
    public void A_fault_is_reported_where_it_stands(string file, string old, string with, string expected)
    {
        using var folder = new PackFolder();
        folder.Replace(file, old, with);
        var place = "";
        if (with.Contains('§', StringComparison.Ordinal))
        {
            var lines = File.ReadAllLines(folder.PathOf(file));
            var line = Array.FindIndex(lines, text => text.Contains('§', StringComparison.Ordinal));
            place = $"{file}:{line + 1}:{lines[line].IndexOf('§', StringComparison.Ordinal) + 1}: ";
            folder.Replace(file, "§", "");
        }
        var reading = folder.Read();
        reading.Pack.ShouldBeNull();
        reading.Errors.Select(error => $"{error.File}:{error.Line}:{error.Column}: {error.Code}").ShouldContain(place + expected);
    }

    [Fact]
    public void All_faults_of_all_files_are_reported_in_order()
    {
        using var folder = new PackFolder();
        folder.Replace("fleet.csv", "88", "880");
        folder.Replace("fleet.csv", "TN-V 1E,van", "TN-V 1E,bus");
        folder.Replace("city.json", "1900", "-1");
        File.Delete(folder.PathOf("staff.json"));
        folder.Read().Errors.Select(error => $"{error.File}:{error.Line}:{error.Code}").ShouldBe(
            ["city.json:8:pack.out_of_range", "fleet.csv:2:pack.out_of_range", "fleet.csv:5:pack.dangling_reference", "staff.json:1:pack.file_missing"]);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_not_blamed_on_others()
    {
        using var folder = new PackFolder();
        File.WriteAllText(folder.PathOf("vehicle_types.json"), "{");
        folder.Read().Errors.Select(error => error.File).ShouldBe(["vehicle_types.json"]);
    }

    [Fact]
    public void A_thousand_faults_are_counted_and_a_hundred_shown()
    {
        using var folder = new PackFolder();
        File.AppendAllLines(folder.PathOf("fleet.csv"), Enumerable.Range(0, 1_000).Select(i => $"x-{i},,scooter,91,0,50"));
        var reading = folder.Read();
        reading.ErrorsTotal.ShouldBe(1_000);
        reading.Errors.Count.ShouldBe(100);
    }

    [Fact]
    public void Quotes_windows_line_ends_and_a_byte_order_mark_are_read()
    {
        using var folder = new PackFolder();
        var text = File.ReadAllText(folder.PathOf("fleet.csv")).Replace("TN-V 1E", "\"TN, \"\"V\"\"\"", StringComparison.Ordinal);
        File.WriteAllText(folder.PathOf("fleet.csv"), "\uFEFF" + text.ReplaceLineEndings("\r\n"));
        File.WriteAllText(folder.PathOf("city.json"), "\uFEFF" + File.ReadAllText(folder.PathOf("city.json")));
        var reading = folder.Read();
        reading.Errors.ShouldBeEmpty();
        reading.Pack!.Fleet[3].Plate.ShouldBe("TN, \"V\"");
    }

    [Fact]
    public void No_bytes_break_the_reader()
    {
        using var folder = new PackFolder();
        var example = from file in Gen.Elements(CityPackReader.Files.ToArray())
                      from cuts in Gen.Choose(0, int.MaxValue).ArrayOf(4)
                      from bytes in Gen.Elements([.. "\0\"{],\n\\-9"u8, (byte)0xC3, (byte)0xFF]).ArrayOf(4)
                      select (file, cuts, bytes);
        Prop.ForAll(example.ToArbitrary(), given =>
        {
            var original = File.ReadAllBytes(folder.PathOf(given.file));
            var spoiled = original.ToArray();
            for (var i = 0; i < given.cuts.Length; i++)
                spoiled[given.cuts[i] % spoiled.Length] = given.bytes[i];
            File.WriteAllBytes(folder.PathOf(given.file), given.cuts[0] % 3 == 0 ? spoiled[..(given.cuts[1] % spoiled.Length)] : spoiled);
            var reading = folder.Read(); // throws if a byte breaks it
            File.WriteAllBytes(folder.PathOf(given.file), original);
            return (reading.Pack is null) == (reading.ErrorsTotal > 0);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_500));
    }
}
