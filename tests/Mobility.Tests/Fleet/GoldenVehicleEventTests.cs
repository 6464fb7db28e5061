using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mobility.Contracts;
using Mobility.Fleet;
using Mobility.Geo;
using Mobility.Platform.Events;

namespace Mobility.Tests.Fleet;

/// <summary>
/// One file per stored event name of a vehicle: what is written today, and what must be readable for ever. A file is never changed, only added; a new shape gets
/// a new name and an upcast. MOBILITY_ACCEPT=1 writes files that are missing.
/// </summary>
public sealed class GoldenVehicleEventTests
{
    private static readonly DateTimeOffset At = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly BookingId Booking = new(Guid.Parse("00000000-0000-7000-8000-000000000001"));
    private static readonly VehicleCommandId Command = new(Guid.Parse("00000000-0000-7000-8000-000000000002"));
    private static readonly AccountId Staff = new(Guid.Parse("00000000-0000-7000-8000-000000000003"));
    private static readonly GeoPoint Place = new(50.001, 10.002);

    private static readonly VehicleEvent[] Samples =
    [
        new VehicleRegistered(VehicleId.Of(new CityId("tiny"), "v-1"), new CityId("tiny"), "v-1", "TN-V 1E", new VehicleTypeId("van"), VehicleKind.Van,
            VehicleMode.CarShare, 250_000, 25, Place, 88, At),
        new VehicleActivated(At), new BatteryInstalled("pack-1", 97, At), new VehicleDeactivated("flat tire", At), new VehicleReactivated(At),
        new VehicleRetired("sold", At), new VehiclePlaced(Place, 99, At),
        new StateChanged(VehicleState.Available, MdsEvent.ReservationStart, VehicleState.Reserved, Booking, At, At.AddSeconds(1)),
        new BookingPassed(Booking, At), new CommandRequested(Command, Booking, VehicleCommandKind.Unlock, At, At.AddSeconds(30)),
        new CommandGivenUp(Command, "timeout", At), new CommandDone(Command, At, Place, At.AddSeconds(1)),
        new LockReported(VehicleCommandKind.Lock, Command, Booking, At, Place, 80, 12_345, 7, true, At.AddSeconds(1)),
        new TwinUpdated(new DesiredTwin(true, 12), new ReportedTwin(false, 20, "1.0.0", 3, At, 8), Staff, "stolen", At.AddSeconds(1)),
        new DisableAsked(Command, Staff, "stolen", At.AddMinutes(15), At), new DisableApproved(Command, Staff, "seen", At),
        new StandstillAwaited(Command, TimeSpan.FromMinutes(2), At.AddDays(1), At), new StandstillSeen(Command, At, At.AddSeconds(1)),
        new DisableEnded(Command, "withdrawn", Staff, At),
    ];

    [Fact, Trait("Req", "EVT-6")]
    public void Every_event_that_was_ever_stored_can_be_read()
    {
        var catalog = VehicleStream.Type.Events;
        foreach (var sample in Samples)
        {
            var (name, written) = (catalog.NameOf(sample), JsonNode.Parse(EventCatalog<VehicleEvent>.Write(sample))!);
            var file = Path.Combine(Folder(), $"{name}.json");
            if (!File.Exists(file) && Environment.GetEnvironmentVariable("MOBILITY_ACCEPT") == "1")
                File.WriteAllText(file, written.ToJsonString(Indented) + "\n");
            var golden = File.ReadAllText(file);
            JsonNode.DeepEquals(JsonNode.Parse(golden), written).ShouldBeTrue($"{name} is written differently than in {file}");
            catalog.Read(name, golden).ShouldBe(sample, $"{name} loses something when it is read");
        }
    }

    [Fact, Trait("Req", "EVT-6")]
    public void Every_stored_name_has_a_sample() =>
        Samples.Select(VehicleStream.Type.Events.NameOf).Order().ToArray().ShouldBe(VehicleStream.Type.Events.Names.Order().ToArray());

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static string Folder([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "golden");
}
