using System.Security.Cryptography;
using Mobility.Twin.Client;
using Mobility.Twin.Stage;
using Mobility.Twin.Trips;

namespace Mobility.Twin.Replaying;

/// <summary>
/// Lives trips through the platform's doors on its injected clock. 1. The crew signs in and takes over the bikes, riders register. 2. Begins and ends of the
/// trips, which overlap, are lived in the order of their times: before each, the clock moves there. What takes a while is under way beside; the clock
/// runs no farther ahead of it than <see cref="UnderWay"/> allows, and stops at every timeout of the platform between. 3. When all is settled, it is counted.
/// <para>Who meets which bike depends on the order of the file only, so the same file gives the same summary.</para>
/// </summary>
public sealed class ReplayRun : IAsyncDisposable
{
    /// <summary>A rider walks this far to a bike.</summary>
    public const int WalkingMeters = 300;

    /// <summary>Bikes that a search lists.</summary>
    public const int FoundMax = 50;

    /// <summary>The platform ends only rides that last much longer before their riders do; what it says of them is known before they are put in their order.</summary>
    private static readonly TimeSpan MustEndKnownAfter = TimeSpan.FromHours(1);

    private const int RegistrationsAtATime = 4;
    private readonly PlatformHandle _platform;
    private readonly ReplayPlan _plan;
    private readonly LatencyBook _latencies = new();
    private readonly PlatformClient _client;
    private readonly Crew _crew;
    private readonly Tally _tally;
    private readonly Pace _pace;
    private readonly UnderWay _underWay = new();
    private readonly Queue<(Rider Rider, Task Free)> _riders = new();
    private readonly PriorityQueue<Ride, (DateTimeOffset At, long Number)> _ends = new();
    private readonly PriorityQueue<Ride, (DateTimeOffset At, long Number)> _moves = new();
    private readonly VehicleTicks _ticks;
    private DateTimeOffset _beganAt;
    private long _begun;
    private int _ridersCount;

    /// <summary>Prepares a run.</summary>
    /// <param name="platform">A started platform with <see cref="ReplayCity"/>.</param>
    /// <param name="plan">What is lived, and how.</param>
    public ReplayRun(PlatformHandle platform, ReplayPlan plan)
    {
        (_platform, _plan) = (platform, plan);
        (_tally, _pace) = (new Tally(plan.Survey.Zone, plan.State?.Counts), new Pace(plan.Speed, plan.Survey.FirstStart, TimeProvider.System));
        _client = new PlatformClient(platform.Address, PlatformClient.CityConnectionsMax, _latencies);
        _crew = new Crew(_client, platform, Visitor.Person(_client, platform.Clock, ReplayCity.CrewEmail, plan.CrewPassword), plan.BikesFolder);
        _ticks = new VehicleTicks(() => _crew.Bikes);
    }

    /// <summary>A password for <see cref="ReplayCity.CrewEmail"/> that nobody knows.</summary>
    public static string NewCrewPassword() => Convert.ToHexString(RandomNumberGenerator.GetBytes(16));

    /// <summary>Step 1.</summary>
    /// <exception cref="RefusedException">The platform refuses the crew or a rider.</exception>
    public async Task PrepareAsync(CancellationToken ct)
    {
        if (_plan.State is { } state)
        {
            await ResumeAsync(state, ct);
            return;
        }
        await _crew.TakeOverAsync(_platform.City.Fleet, ct);
        var riders = new Rider[_plan.Survey.PeakUnderWay];
        await Parallel.ForAsync(0, riders.Length, new ParallelOptions { MaxDegreeOfParallelism = RegistrationsAtATime, CancellationToken = ct },
            async (index, token) => riders[index] = await Rider.RegisterAsync(_client, _platform.Clock, index + 1, "tok_visa", token));
        foreach (var rider in riders)
            _riders.Enqueue((rider, Task.CompletedTask));
        _ridersCount = riders.Length;
        await _platform.SettleAsync(ct);
        _beganAt = _platform.Clock.GetUtcNow();
    }

    /// <summary>Steps 2 and 3. When it was stopped before, <see cref="ToState"/> says where.</summary>
    /// <param name="trips">All of them, in the order of their begin.</param>
    /// <param name="progress">Hears how far it is, at every event.</param>
    /// <param name="stopping">Stops before the next event; what has begun by then is finished.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="RefusedException">The crew is refused.</exception>
    public async Task<ReplayResult> RunAsync(
        IEnumerable<Trip> trips, IProgress<ReplayProgress> progress, CancellationToken stopping, CancellationToken ct)
    {
        var isOver = false;
        Report(progress);
        try
        {
            foreach (var together in AtOnce(NotBegun(trips)))
            {
                await EndUntilAsync(together[0].Start, progress, stopping, ct);
                await MoveToAsync(together[0].Start, progress, stopping, ct);
                await BeginAsync(together, ct);
                Report(progress);
            }
            await EndUntilAsync(DateTimeOffset.MaxValue, progress, stopping, ct);
            isOver = true;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            // Between two events: nothing is lost.
        }
        await _underWay.DrainAsync();
        await _crew.AllToldAsync(ct);
        await _platform.SettleAsync(ct);
        Report(progress);
        return ToResult(isOver);
    }

    /// <summary>What a later run needs to go on from here. Nothing is under way but rides.</summary>
    public ReplayState ToState() => new()
    {
        Format = ReplayState.CurrentFormat,
        Key = _plan.Key,
        CrewPassword = _plan.CrewPassword,
        BeganAt = _beganAt,
        At = _platform.Clock.GetUtcNow(),
        Begun = _begun,
        Counts = _tally.Read(),
        Crew = _crew.ToState(),
        Riders = _ridersCount,
        Waiting = [.. _riders.Select(waiting => waiting.Rider.Number)],
        Rides = [.. _ends.UnorderedItems.Where(ride => ride.Element.Bike is not null).OrderBy(ride => ride.Priority.Number).Select(ride => ride.Element.ToState())],
        Latencies = _latencies.ToState(),
    };

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ticks.DisposeAsync();
        await _crew.DisposeAsync();
        _client.Dispose();
    }

    private async Task ResumeAsync(ReplayState state, CancellationToken ct)
    {
        (_beganAt, _begun, _ridersCount) = (state.BeganAt, state.Begun, state.Riders);
        _latencies.Resume(state.Latencies);
        await _crew.ResumeAsync(state.Crew, ct);
        foreach (var number in state.Waiting)
            _riders.Enqueue((Rider.Find(_client, _platform.Clock, number), Task.CompletedTask));
        await _platform.SettleAsync(ct);
    }

    /// <summary>Trips that an interrupted run has begun are passed over; its rides go on.</summary>
    private IEnumerable<Trip> NotBegun(IEnumerable<Trip> trips)
    {
        var (passed, number) = (_begun, 0L);
        var rides = _plan.State?.Rides.ToDictionary(ride => ride.Number) ?? [];
        foreach (var trip in trips)
        {
            if (++number > passed)
                yield return trip;
            else if (rides.TryGetValue(number, out var was))
                Resume(new Ride(_client, _tally, trip, number), was);
        }
    }

    private void Resume(Ride ride, RideState was)
    {
        var bike = _crew.Find(was.Bike) ?? throw new RefusedException("resume", "client.bike_missing", was.Bike.ToString());
        ride.Resume(was, Rider.Find(_client, _platform.Clock, was.Rider), bike);
        _ends.Enqueue(ride, (ride.EndsAt, was.Number));
        var reports = Math.Max(1, (_platform.Clock.GetUtcNow() - ride.Trip.Start).Ticks / SimulatedVehicle.ReportEvery.Ticks + 1);
        EnqueueMove(ride, (ride.Trip.Start + reports * SimulatedVehicle.ReportEvery, was.Number));
    }

    private async Task EndUntilAsync(DateTimeOffset time, IProgress<ReplayProgress> progress, CancellationToken stopping, CancellationToken ct)
    {
        while (_ends.TryPeek(out var ride, out var place) && place.At <= time)
        {
            await MoveToAsync(place.At, progress, stopping, ct);
            _ends.Dequeue();
            await EndAsync(ride, place.At, ct);
            Report(progress);
        }
    }

    /// <summary>Trips that begin at the same time, in their order.</summary>
    private static IEnumerable<IReadOnlyList<Trip>> AtOnce(IEnumerable<Trip> trips)
    {
        var together = new List<Trip>();
        foreach (var trip in trips)
        {
            if (together.Count > 0 && (trip.Start != together[0].Start || together.Count >= UnderWay.CountMax))
            {
                yield return together;
                together = [];
            }
            together.Add(trip);
        }
        if (together.Count > 0)
            yield return together;
    }

    /// <summary>Riders set out side by side; which bike each gets is decided in their order.</summary>
    private async Task BeginAsync(IReadOnlyList<Trip> trips, CancellationToken ct)
    {
        foreach (var trip in trips)
        {
            _begun++;
            if ((_riders.TryDequeue(out var rested) ? rested : await RegisterAsync(trip, ct)) is var (rider, free))
                await BeginAsync(new Ride(_client, _tally, trip, _begun), rider, free, ct);
        }
    }

    /// <summary>One more rider than ever before; null when the platform refuses, and with that the trip.</summary>
    private async Task<(Rider Rider, Task Free)?> RegisterAsync(Trip trip, CancellationToken ct)
    {
        try
        {
            return (await Rider.RegisterAsync(_client, _platform.Clock, ++_ridersCount, "tok_visa", ct), Task.CompletedTask);
        }
        catch (RefusedException refused)
        {
            _tally.Fail(trip, refused.Step, refused.Code, refused.Message);
            return null;
        }
    }

    private async Task BeginAsync(Ride ride, Rider rider, Task free, CancellationToken ct)
    {
        ride.Start(rider, free, _crew, ct);
        await _underWay.AddAsync(ride.Trip.Start, ride.Asking); // the clock stands meanwhile, else when the ride begins would depend on how fast the machine is
        if (ride.Trip.Duration > MustEndKnownAfter)
            await ride.Starting;
        else
            await _underWay.AddAsync(ride.Trip.Start + UnderWay.AheadMax, ride.Starting);
        _ends.Enqueue(ride, (ride.EndsAt, ride.Number));
        EnqueueMove(ride, (ride.Trip.Start + SimulatedVehicle.ReportEvery, ride.Number));
    }

    private async Task EndAsync(Ride ride, DateTimeOffset at, CancellationToken ct)
    {
        await ride.Starting; // a trip of a few seconds may not have begun yet
        if (ride.HasFailed)
        {
            if (ride.Bike is { } bike)
                bike.IsIdle = true; // its rider may still be held by the booking and takes no further trip
            return;
        }
        ride.End(_crew, at, ct);
        _riders.Enqueue((ride.Rider!, ride.Ending));
        await _underWay.AddAsync(at + UnderWay.ReturnAheadMax, ride.Returning);
        await _underWay.AddAsync(at + UnderWay.MoneyAheadMax, ride.Ending);
    }

    /// <summary>Moves the clock to a time, no faster than it may go, when everything that must happen before has happened.</summary>
    private async Task MoveToAsync(DateTimeOffset time, IProgress<ReplayProgress> progress, CancellationToken stopping, CancellationToken ct)
    {
        DateTimeOffset until;
        do
        {
            until = await _pace.WaitAsync(_platform.Clock.GetUtcNow(), time, stopping);
            await _underWay.AllowAsync(until);
            stopping.ThrowIfCancellationRequested();
            while (_underWay.IsEmpty && await _platform.NextDueAsync(ct) is { } due && due <= until)
            {
                Advance(due);
                await _platform.SettleAsync(ct);
                Report(progress);
                stopping.ThrowIfCancellationRequested();
            }
            Advance(until);
            Report(progress);
        }
        while (until < time);
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
            EnqueueMove(ride, (place.At + SimulatedVehicle.ReportEvery, place.Number));
        }
    }

    /// <summary>The end itself is told by whoever ends the ride.</summary>
    private void EnqueueMove(Ride ride, (DateTimeOffset At, long Number) place)
    {
        if (place.At < ride.EndsAt || (place.At == ride.EndsAt && ride.IsEndedByPlatform))
            _moves.Enqueue(ride, place);
    }

    private void Report(IProgress<ReplayProgress> progress) =>
        progress.Report(new ReplayProgress(_platform.Clock.GetUtcNow(), _tally.Finished, _tally.FailedCount));

    private ReplayResult ToResult(bool isOver)
    {
        var counts = _tally.Read();
        return new ReplayResult
        {
            IsOver = isOver,
            Completed = counts.Completed,
            Failed = counts.Failed,
            FailedBy = counts.FailedBy,
            Listed = counts.Listed,
            Searches = counts.Searches,
            Hours = counts.Hours,
            Problems = _latencies.Problems,
            Relocations = _crew.Relocations,
            Bought = _crew.Bought,
            Swaps = _crew.Swaps,
            EndedByPlatform = counts.EndedByPlatform,
            CapturedMinor = counts.CapturedMinor,
            Currency = _platform.City.City.Currency.Code,
            Riders = _ridersCount,
            Bikes = _crew.Bikes.Length,
            TelemetryMessages = _crew.Bikes.Sum(bike => bike.Reports),
            Simulated = _platform.Clock.GetUtcNow() - _beganAt,
            FinishedBefore = _plan.State is { } state ? state.Counts.Completed + state.Counts.Failed : 0,
            Latencies = _latencies.ToList(),
        };
    }
}
