using System.Text;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Twin.Client;
using Mobility.Twin.Replaying;
using Mobility.Twin.Stage;
using Mobility.Twin.Trips;

namespace Mobility.Tests.Twin;

public sealed class ReplayStateTests
{
    private const string Key = "0123456789abcdef";

    [Fact]
    public void A_state_comes_back_to_the_last_digit()
    {
        using var file = new TemporaryFile([]);
        var state = State();
        state.Write(file.Path);
        var back = ReplayState.Read(file.Path, Key).ShouldNotBeNull();
        (back.At, back.Begun, back.CrewPassword).ShouldBe((state.At, state.Begun, state.CrewPassword));
        back.Waiting.ShouldBe([3, 1]);
        back.Crew.Bikes.ShouldBe(state.Crew.Bikes);
        back.Rides.ShouldBe(state.Rides);
        back.Counts.Hours.ShouldBe(state.Counts.Hours);
        back.Counts.Listed.ShouldBe(state.Counts.Listed);
        back.Counts.FailedBy.ShouldBe(state.Counts.FailedBy);
        back.Latencies.Steps["reserve"].ShouldBe(state.Latencies.Steps["reserve"]);
        if (!OperatingSystem.IsWindows())
            File.GetUnixFileMode(file.Path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite); // there are passwords in it
    }

    [Fact]
    public void Where_there_is_none_a_replay_begins() => ReplayState.Read("/nowhere/state.json", Key).ShouldBeNull();

    [Fact]
    public void A_damaged_state_and_one_of_another_replay_or_release_are_refused_in_one_sentence_that_names_the_way_out()
    {
        using var file = new TemporaryFile([]);
        State().Write(file.Path);
        var text = File.ReadAllText(file.Path);
        Refusal(text[..(text.Length / 2)]).ShouldContain("cannot be read");
        Refusal("").ShouldContain("cannot be read");
        Refusal("null").ShouldContain("another release");
        Refusal(text.Replace("\"waiting\"", "\"weighting\"", StringComparison.Ordinal)).ShouldContain("cannot be read");
        Refusal(text.Replace("\"format\":1", "\"format\":2", StringComparison.Ordinal)).ShouldContain("another release");
        Refusal(text.Replace(Key, "fedcba9876543210", StringComparison.Ordinal)).ShouldContain("other files, another day");

        string Refusal(string content)
        {
            File.WriteAllBytes(file.Path, Encoding.UTF8.GetBytes(content));
            var message = Should.Throw<PlatformStartException>(() => ReplayState.Read(file.Path, Key)).Message;
            message.ShouldContain("--fresh");
            message.ShouldNotContain('\n');
            return message;
        }
    }

    private static ReplayState State()
    {
        var place = new GeoPoint(40.72163001, -74.04280000000001);
        var trip = new Trip(Tables.At("08:00:00").AddTicks(1), Tables.At("08:10:00"), "1", place, "2", place, new DateOnly(2021, 1, 15), "trips", 2);
        return new ReplayState
        {
            Format = ReplayState.CurrentFormat,
            Key = Key,
            CrewPassword = "secret-of-the-crew",
            BeganAt = Tables.At("07:00:00"),
            At = Tables.At("08:04:01").AddTicks(7),
            Begun = 5,
            Counts = new TripCounts
            {
                Completed = 1,
                Failed = 1,
                FailedBy = new Dictionary<string, long> { ["reserve: booking.vehicle_taken"] = 1 },
                Listed = [new FailedTrip(trip, "reserve", "booking.vehicle_taken", "taken")],
                Searches = 5,
                CapturedMinor = 265,
                EndedByPlatform = 0,
                Hours = [new HourCount { Hour = new DateTime(2021, 1, 15, 8, 0, 0), Trips = 1, RiddenSeconds = 599.123 }],
            },
            Crew = new CrewState
            {
                Relocations = 2,
                Bought = 1,
                Swaps = 3,
                Bikes = [new KeptVehicle { ClockAt = Tables.At("08:04:00"), Position = place, ChargePercent = 99.87654321, OdometerMeters = 12.3, OdometerBeforeRideMeters = 0, Reports = 20, IsLocked = false }],
            },
            Riders = 3,
            Waiting = [3, 1],
            Rides = [new RideState { Number = 5, Rider = 2, Bike = VehicleId.Of(ReplayCity.DefaultId, "bike-00001"), MustEndBy = Tables.At("20:00:00"), HasFailed = false }],
            Latencies = new LatencyState { Steps = new Dictionary<string, IReadOnlyList<long>> { ["reserve"] = [0, 4, 1] }, Problems = new Dictionary<string, long>() },
        };
    }
}
