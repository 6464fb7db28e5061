using System.Security.Cryptography;
using Mobility.Twin.Client;
using Mobility.Twin.Trips;

namespace Mobility.Twin.Replaying;

/// <summary>
/// Lives trips through the platform's doors on its injected clock. 1. The crew signs in and takes over the bikes, riders register. 2. Begins and ends of the
/// trips, which overlap, are lived in the order of their times: before each, the clock moves there. What takes a while is under way beside; the clock never
/// runs farther ahead of it than <see cref="UnderWay.AheadMax"/>, and stops at every timeout of the platform between. 3. When all is settled, it is counted.
/// <para>Who meets which bike depends on the order of the file only, so the same file gives the same summary.</para>
/// </summary>
public sealed class ReplayRun : IAsyncDisposable
{
    /// <summary>A rider walks this far to a bike.</summary>
    public const int WalkingMeters = 300;

    /// <summary>Bikes that a search lists.</summary>
    public const int FoundMax = 50;

    /// <summary>Rides that may last longer than the platform allows are asked for their end.</summary>
    private static readonly TimeSpan LongRide = TimeSpan.FromHours(11);

    private const int ConnectionsMax = 64;
    private const int RegistrationsAtATime = 4;
    private readonly PlatformHandle _platform;
    private readonly TripSurvey _survey;
    private readonly LatencyBook _latencies = new();
    private readonly PlatformClient _client;
    private readonly Crew _crew;
    private readonly Tally _tally = new();
    private readonly UnderWay _underWay = new();
    private readonly Queue<(Rider Rider, Task Free)> _riders = new();
    private readonly PriorityQueue<Ride, (DateTimeOffset At, long Number)> _ends = new();
    private readonly PriorityQueue<Ride, (DateTimeOffset At, long Number)> _moves = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("mobility-bikes-").FullName;
    private readonly AgentTicks _ticks;
    private int _ridersCount;

    /// <summary>Prepares a run.</summary>
    /// <param name="platform">A started platform with <see cref="ReplayCity"/>.</param>
    /// <param name="survey">What the files hold.</param>
    /// <param name="crewPassword">Of the staff account in the city.</param>
    public ReplayRun(PlatformHandle platform, TripSurvey survey, string crewPassword)
    {
        (_platform, _survey) = (platform, survey);
        _client = new PlatformClient(platform.Address, ConnectionsMax, _latencies);
        _crew = new Crew(_client, platform, Visitor.Person(_client, platform.Clock, ReplayCity.CrewEmail, crewPassword), _folder);
        _ticks = new AgentTicks(() => _crew.Bikes);
    }

    /// <summary>A password for <see cref="ReplayCity.CrewEmail"/> that nobody knows.</summary>
    public static string NewCrewPassword() => Convert.ToHexString(RandomNumberGenerator.GetBytes(16));

    /// <summary>Step 1.</summary>
    /// <exception cref="RefusedException">The platform refuses the crew or a rider.</exception>
    public async Task PrepareAsync(CancellationToken ct)
    {
        await _crew.TakeOverAsync(_platform.City.Fleet, ct);
        var riders = new Rider[_survey.PeakUnderWay];
        await Parallel.ForAsync(0, riders.Length, new ParallelOptions { MaxDegreeOfParallelism = RegistrationsAtATime, CancellationToken = ct },
            async (index, token) => riders[index] = await Rider.RegisterAsync(_client, _platform.Clock, index + 1, "tok_visa", token));
        foreach (var rider in riders)
            _riders.Enqueue((rider, Task.CompletedTask));
        _ridersCount = riders.Length;
        await _platform.SettleAsync(ct);
    }

    /// <summary>Steps 2 and 3.</summary>
    /// <param name="trips">In the order of their begin.</param>
    /// <param name="progress">Hears how far it is, at every event.</param>
    /// <param name="ct">Stops between two events.</param>
    /// <exception cref="RefusedException">The crew or a new rider is refused.</exception>
    public async Task<ReplayResult> RunAsync(IEnumerable<Trip> trips, IProgress<ReplayProgress> progress, CancellationToken ct)
    {
        var began = _platform.Clock.GetUtcNow();
        var number = 0L;
        foreach (var trip in trips)
        {
            await EndUntilAsync(trip.Start, progress, ct);
            await MoveToAsync(trip.Start, ct);
            await BeginAsync(new Ride(_client, _tally, trip, ++number), number, ct);
            Report(progress);
        }
        await EndUntilAsync(DateTimeOffset.MaxValue, progress, ct);
        await _underWay.DrainAsync();
        await _crew.AllToldAsync(ct);
        await _platform.SettleAsync(ct);
        Report(progress);
        return ToResult(_platform.Clock.GetUtcNow() - began);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ticks.DisposeAsync();
        await _crew.DisposeAsync();
        _client.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task EndUntilAsync(DateTimeOffset time, IProgress<ReplayProgress> progress, CancellationToken ct)
    {
        while (_ends.TryPeek(out var ride, out var place) && place.At <= time)
        {
            _ends.Dequeue();
            await MoveToAsync(place.At, ct);
            await EndAsync(ride, place.At, ct);
            Report(progress);
        }
    }

    private async Task BeginAsync(Ride ride, long number, CancellationToken ct)
    {
        var (rider, free) = _riders.TryDequeue(out var rested)
            ? rested
            : (await Rider.RegisterAsync(_client, _platform.Clock, ++_ridersCount, "tok_visa", ct), Task.CompletedTask);
        await ride.FindAsync(rider, _crew, ct);
        if (ride.HasFailed)
        {
            _riders.Enqueue((rider, free));
            return;
        }
        ride.Start(free, ct);
        await _underWay.AddAsync(ride.Trip.Start, ride.Starting);
        if (ride.Trip.Duration > LongRide)
            await ride.Starting;
        _ends.Enqueue(ride, (ride.EndsAt, number));
        if (ride.Trip.Start + Bike.ReportEvery < ride.EndsAt)
            _moves.Enqueue(ride, (ride.Trip.Start + Bike.ReportEvery, number));
    }

    private async Task EndAsync(Ride ride, DateTimeOffset at, CancellationToken ct)
    {
        await ride.Starting; // a trip of a few seconds may not have begun yet
        if (ride.HasFailed)
        {
            ride.Bike!.IsIdle = true; // its rider may still be held by the booking and takes no further trip
            return;
        }
        ride.End(_crew, at, ct);
        _riders.Enqueue((ride.Rider!, ride.Ending));
        await _underWay.AddAsync(at, ride.Ending);
    }

    /// <summary>Moves the clock to a time when everything that must happen before has happened.</summary>
    private async Task MoveToAsync(DateTimeOffset time, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        await _underWay.AllowAsync(time);
        while (_underWay.IsEmpty && await _platform.NextDueAsync(ct) is { } due && due <= time)
        {
            Advance(due);
            await _platform.SettleAsync(ct);
        }
        Advance(time);
    }

    /// <summary>Bikes first: what the platform does at a time finds them where they are then. They may not be ahead of its clock either.</summary>
    private void Advance(DateTimeOffset time)
    {
        _platform.Clock.MoveTo(time.AddMilliseconds(-1));
        MoveBikes(time);
        _platform.Clock.MoveTo(time);
    }

    /// <summary>Bikes under way report what they passed meanwhile. A ride has begun by then, since the clock does not run that far ahead of it.</summary>
    private void MoveBikes(DateTimeOffset until)
    {
        while (_moves.TryPeek(out var ride, out var place) && place.At <= until)
        {
            _moves.Dequeue();
            if (ride.HasFailed)
                continue;
            ride.Move(place.At);
            if (place.At + Bike.ReportEvery is var next && (next < ride.EndsAt || (next == ride.EndsAt && ride.IsEndedByPlatform)))
                _moves.Enqueue(ride, (next, place.Number));
        }
    }

    private void Report(IProgress<ReplayProgress> progress) =>
        progress.Report(new ReplayProgress(_platform.Clock.GetUtcNow(), _tally.Finished, _tally.FailedCount));

    private ReplayResult ToResult(TimeSpan simulated)
    {
        var (completed, failed, failedBy, listed, captured, endedByPlatform) = _tally.Read();
        return new ReplayResult
        {
            Completed = completed,
            Failed = failed,
            FailedBy = failedBy,
            Listed = listed,
            Relocations = _crew.Relocations,
            Bought = _crew.Bought,
            Swaps = _crew.Swaps,
            EndedByPlatform = endedByPlatform,
            CapturedMinor = captured,
            Currency = _platform.City.City.Currency.Code,
            Riders = _ridersCount,
            Bikes = _crew.Bikes.Length,
            TelemetryMessages = _crew.Bikes.Sum(bike => bike.Reports),
            Simulated = simulated,
            Latencies = _latencies.ToList(),
        };
    }
}
