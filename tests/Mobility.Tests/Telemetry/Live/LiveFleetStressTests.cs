using Mobility.Geo;
using Mobility.Telemetry.Live;

namespace Mobility.Tests.Telemetry.Live;

/// <summary>
/// Readers beside writers. Every vehicle always stands on a place whose two coordinates belong together, and no vehicle is ever away: so a search that
/// mixed two moments would show a vehicle twice, miss one, or show a place that never was.
/// </summary>
public sealed class LiveFleetStressTests
{
    private const int Vehicles = 400;
    private static readonly TimeSpan PatienceMax = TimeSpan.FromMinutes(2);
    private static readonly GeoPoint Middle = new(-17.7, 180);
    private static readonly PackedPoint Origin = PackedPoint.Of(Middle);

    [Fact, Trait("Req", "BKG-1")]
    public async Task A_search_sees_one_moment_while_vehicles_move_and_others_arrive()
    {
        var fleet = new LiveFleet();
        var random = new Random(5);
        for (var i = 0; i < Vehicles; i++)
            fleet.Take(LiveSamples.State(i, Middle, random) with { Offered = true, Charge = 100, Position = Spot(random) });
        using var over = new CancellationTokenSource(PatienceMax);
        var progress = new long[5]; // writes of two, searches of two, arrivals
        var writers = Enumerable.Range(0, 2).Select(writer => OnOwnThread(() =>
        {
            var random = new Random(writer);
            var moment = 1L;
            for (; !over.IsCancellationRequested; moment++)
            {
                fleet.Report(LiveSamples.VehicleOf(random.Next(Vehicles / 2) * 2 + writer), Spot(random), 40 + random.Next(60), moment, out _).ShouldBeTrue();
                Volatile.Write(ref progress[writer], moment);
            }
            return moment;
        })).ToList();
        // Others arrive far away, so that the arrays grow under the readers' eyes.
        var arrivals = OnOwnThread(() =>
        {
            var arrived = 0L;
            for (var number = Vehicles; !over.IsCancellationRequested; number++, arrived++)
            {
                fleet.Take(LiveSamples.State(number, LiveSamples.Near(new GeoPoint(40, 0), 30_000, random), random));
                Volatile.Write(ref progress[4], arrived);
                if (number % 50 == 0)
                    Thread.Yield();
                if (number > 200_000)
                    break;
            }
            return arrived;
        });
        var retries = 0L;
        var readers = Enumerable.Range(0, 2).Select(reader => OnOwnThread(() =>
        {
            var search = new LiveSearch(fleet);
            var searches = 0L;
            var seen = new HashSet<int>();
            for (; !over.IsCancellationRequested; searches++)
            {
                seen.Clear();
                var found = searches % 3 == 0
                    ? search.Within(LiveBox.Of(-17.8, 179.9, -17.6, -179.9), LiveFilter.Rentable, LiveSearch.FoundMax)
                    : search.Nearest(Origin, 8_000, LiveFilter.Rentable, 1_000);
                foreach (var vehicle in found)
                {
                    seen.Add(vehicle.Slot).ShouldBeTrue("no vehicle is in two places");
                    unchecked(vehicle.Position.LongitudeUnits - Origin.LongitudeUnits).ShouldBe((vehicle.Position.LatitudeUnits - Origin.LatitudeUnits) * 3, "the place is one of ours");
                }
                seen.Count.ShouldBe(Vehicles, "no vehicle is away");
                Volatile.Write(ref progress[2 + reader], searches);
            }
            Interlocked.Add(ref retries, search.Retries);
            return searches;
        })).ToList();
        // As long as it takes until each has done its part: how fast that is, is the machine's affair.
        while (!over.IsCancellationRequested && !(progress[0] > 10_000 && progress[1] > 10_000 && progress[2] > 200 && progress[3] > 200 && progress[4] > 1_000)
            && !readers.Concat(writers).Append(arrivals).Any(task => task.IsFaulted))
            await Task.Delay(20);
        await over.CancelAsync();
        (await Task.WhenAll(readers)).ShouldAllBe(searches => searches > 200);
        (await Task.WhenAll(writers)).ShouldAllBe(writes => writes > 10_000);
        (await arrivals).ShouldBeGreaterThan(1_000);
        retries.ShouldBeGreaterThan(0, "writers came between");
    }

    private static Task<long> OnOwnThread(Func<long> run) =>
        Task.Factory.StartNew(run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>On a slanted line of two kilometers through the antimeridian; neighbors on it are in other cells and often in other tiles.</summary>
    private static PackedPoint Spot(Random random)
    {
        var north = random.Next(-70_000, 70_000);
        return unchecked(new PackedPoint(Origin.LatitudeUnits + north, Origin.LongitudeUnits + north * 3));
    }
}
