using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Mobility.Booking;
using Mobility.Contracts;
using Mobility.Platform.Events;
using static Mobility.Tests.Bookings.Examples;

namespace Mobility.Tests.Bookings;

/// <summary>
/// One file per stored event name: what is written today, and what must be readable for ever. A file is never changed, only added; a new shape gets a new
/// name and an upcast. MOBILITY_ACCEPT=1 writes files that are missing.
/// </summary>
public sealed class GoldenEventTests
{
    private static readonly BookingEvent[] Samples =
    [
        Van, new ConfirmationRequested(At(1)), new PaymentActionAsked(Payment, "https://bank.example/1"), new BookingConfirmed(Payment, Eur(700), At(1)),
        new WindowOpened(At(60)), new WindowExtended(At(240), At(70)), new OvertimeGranted(At(300), At(240)), new UnlockRequested(Command("unlock"), At(9)),
        new RideStarted(At(10), Place, 80, 1_000, false, TimeSpan.FromSeconds(7)), new PauseRequested(Command("pause"), At(19)), new RidePaused(At(20), Place, 75, 3_000),
        new PauseFailed("timeout", At(20)), new ResumeRequested(Command("resume"), At(25)), new RideResumed(At(25)), new ResumeFailed("timeout", At(26)),
        new EndRequested(Command("end"), EndCause.Deadline, At(29)),
        new RideEnded(Rider, Vehicle, Town, new RideUsage(At(0), At(10), At(30), [new RidePause(At(20), At(25))], 4_000, At(180), false), Place, 70,
            RideFlag.LockUnanswered, At(31)),
        new ChargeKnown(Price), Settlement, new BookingReleased(ReleaseReason.NoShow, true, true, "timeout", At(90)),
        new UnlockTokenIssued(At(12), At(11)), new StrayUnlockSeen(Command("lock"), At(91)),
    ];

    [Fact, Trait("Req", "EVT-6")]
    public void Every_event_that_was_ever_stored_can_be_read()
    {
        foreach (var sample in Samples)
        {
            var (name, written) = (Catalog.NameOf(sample), JsonNode.Parse(EventCatalog<BookingEvent>.Write(sample))!);
            var file = Path.Combine(Folder(), $"{name}.json");
            if (!File.Exists(file) && Environment.GetEnvironmentVariable("MOBILITY_ACCEPT") == "1")
                File.WriteAllText(file, written.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true }) + "\n");
            var golden = File.ReadAllText(file);
            JsonNode.DeepEquals(JsonNode.Parse(golden), written).ShouldBeTrue($"{name} is written differently than in {file}");
            var again = JsonNode.Parse(EventCatalog<BookingEvent>.Write(Catalog.Read(name, golden)));
            JsonNode.DeepEquals(again, written).ShouldBeTrue($"{name} loses something when it is read");
        }
    }

    [Fact, Trait("Req", "EVT-6")]
    public void An_event_of_before_vehicles_clocks_were_compared_is_read_as_one_of_a_clock_that_is_right() => Catalog.Read(
        "ride_started.v1", File.ReadAllText(Path.Combine(Folder(), "ride_started.v1.json"))).ShouldBe(new RideStarted(At(10), Place, 80, 1_000, false, TimeSpan.Zero));

    [Fact, Trait("Req", "EVT-6")]
    public void Every_stored_name_has_a_sample() => Samples.Select(Catalog.NameOf).Order().ShouldBe(Catalog.Names.Order());

    [Fact]
    public void An_unknown_event_is_refused() => Should.Throw<InvalidOperationException>(() => Catalog.Read("vehicle_stolen.v1", "{}"));

    private static string Folder([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "golden");
}
