using System.Diagnostics;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Host.Packs;

namespace Mobility.Tests.Packs;

public sealed class DemoPackTests
{
    private static readonly CityPackReading Reading = CityPackReader.Read(PackFolder.Demo);

    [Fact]
    public void The_demo_city_has_every_kind_of_vehicle_and_every_role()
    {
        Reading.Errors.ShouldBeEmpty();
        var pack = Reading.Pack!;
        pack.Fleet.Length.ShouldBe(3_000);
        pack.Bays.Length.ShouldBe(60);
        pack.VehicleTypes.Select(type => type.Kind).Distinct().Order().ShouldBe(Enum.GetValues<VehicleKind>());
        pack.Staff.Select(person => person.Role).Order().ShouldBe(Enum.GetValues<StaffRole>());
        pack.Zones.Select(zone => zone.Kind).Distinct().Order().ShouldBe(Enum.GetValues<ZoneKind>());
    }

    [Fact]
    public void Every_vehicle_stands_where_its_ride_may_start()
    {
        var pack = Reading.Pack!;
        var map = new ZoneMap([.. pack.Zones.Select(zone => new ZoneShape(zone.Id.Value, zone.Area, zone.Rules))], pack.GlobalRules);
        pack.Fleet.Where(vehicle => map.RuleAt(vehicle.Position, vehicle.VehicleTypeId.Value) is not { RideStartAllowed: true })
            .Select(vehicle => vehicle.Label).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_generator_writes_the_very_files_that_are_checked_in()
    {
        var folder = Directory.CreateTempSubdirectory("mobility-demo-");
        try
        {
            File.Copy(Path.Combine(PackFolder.Demo, "generate.mjs"), Path.Combine(folder.FullName, "generate.mjs"));
            using var node = Process.Start(new ProcessStartInfo("node", [Path.Combine(folder.FullName, "generate.mjs")]) { RedirectStandardOutput = true })!;
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await node.WaitForExitAsync(deadline.Token);
            node.ExitCode.ShouldBe(0);
            foreach (var file in CityPackReader.Files)
            {
                var written = await File.ReadAllTextAsync(Path.Combine(folder.FullName, file));
                written.ShouldBe(await File.ReadAllTextAsync(Path.Combine(PackFolder.Demo, file)), file);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_check_says_in_one_line_what_a_sound_pack_holds()
    {
        using var output = new StringWriter();
        PackCheck.Run(PackFolder.Demo, output).ShouldBeTrue();
        output.ToString().ShouldBe(
            "Lindenau (demo): 11 zones, 60 bays, 7 vehicle types, 4 tariffs, 3000 vehicles, 5 staff accounts. The pack is sound." + Environment.NewLine);
    }
}
