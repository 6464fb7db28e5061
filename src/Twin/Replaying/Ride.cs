using Mobility.Twin.Client;
using Mobility.Twin.Stage;
using Mobility.Twin.Trips;

namespace Mobility.Twin.Replaying;

/// <summary>
/// One trip as its rider and its bike live it through the platform's doors. What goes wrong is remembered, never thrown: the next trip must go on.
/// </summary>
internal sealed class Ride(PlatformClient client, Tally tally, Trip trip, long number)
{
    private static readonly TimeSpan SearchPatience = TimeSpan.FromSeconds(10);

    private readonly Journey _journey = new(trip.StartPosition, trip.EndPosition, trip.Duration, trip.Line);
    private Rental _rental = new(client, KeyOf(number));
    private DateTimeOffset? _mustEndBy;

    public Trip Trip { get; } = trip;

    /// <summary>Its place in the order of all trips, from 1.</summary>
    public long Number => number;

    public Rider? Rider { get; private set; }
    public SimulatedVehicle? Bike { get; private set; }

    /// <summary>Whether it cannot go on; already counted.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Completes when the rider has asked the bike to open, or cannot: what the ride costs does not depend on the platform's clock from then on.</summary>
    public Task Asking { get; private set; } = Task.CompletedTask;

    /// <summary>Completes when the rider rides, or cannot.</summary>
    public Task Starting { get; private set; } = Task.CompletedTask;

    /// <summary>Completes when the bike is locked and back in the search, or cannot be.</summary>
    public Task Returning { get; private set; } = Task.CompletedTask;

    /// <summary>Completes when the ride is settled, or cannot be.</summary>
    public Task Ending { get; private set; } = Task.CompletedTask;

    /// <summary>When it ends: by the file, or by the platform's longest ride. Known when it has started.</summary>
    public DateTimeOffset EndsAt => _mustEndBy < Trip.End ? _mustEndBy.Value : Trip.End;

    public bool IsEndedByPlatform => _mustEndBy < Trip.End;

    /// <summary>The rider sets out. Which bike it will be is decided before this returns, so that it depends on the order of the trips and not on the machine.</summary>
    public void Start(Rider rider, Task riderIsFree, Crew crew, CancellationToken ct)
    {
        Rider = rider;
        Asking = AskAsync(crew.Choose(Trip.StartPosition, ReplayRun.WalkingMeters), riderIsFree, crew, ct);
        Starting = StartAsync(Asking, ct);
    }

    /// <summary>The bike is somewhere on the way, and reports it.</summary>
    public void Move(DateTimeOffset at)
    {
        var (position, meters, speed) = _journey.At(at - Trip.Start);
        Bike!.Pass(at, position, meters, speed);
    }

    public void End(Crew crew, DateTimeOffset at, CancellationToken ct)
    {
        Bike!.Pass(at, Trip.EndPosition, _journey.Meters, 0);
        var swapped = ReturnAsync(crew, Bike, ct);
        Bike.Returning = Returning = swapped;
        Ending = SettleAsync(swapped, ct);
        Bike.IsIdle = true;
    }

    /// <summary>Goes on where an interrupted run left it.</summary>
    public void Resume(RideState was, Rider rider, SimulatedVehicle bike)
    {
        (Rider, Bike, _rental, _mustEndBy, HasFailed) = (rider, bike, new Rental(client, KeyOf(number), was.Booking), was.MustEndBy, was.HasFailed);
        bike.IsIdle = false;
    }

    /// <summary>What it needs to go on another day; it must have started.</summary>
    public RideState ToState() =>
        new() { Number = number, Rider = Rider!.Number, Bike = Bike!.Id, Booking = _rental.Booking, MustEndBy = _mustEndBy, HasFailed = HasFailed };

    private async Task AskAsync(BikeChoice choice, Task riderIsFree, Crew crew, CancellationToken ct)
    {
        try
        {
            await riderIsFree;
            var token = await Rider!.TokenAsync(ct);
            Bike = await FindAsync(choice, token, crew, ct);
            Bike.BeginAt(Trip.Start);
            await _rental.AskAsync(token, await _rental.QuoteAsync(token, Bike.Id, null, ct), ct);
        }
        catch (RefusedException refused)
        {
            await GiveUpAsync(refused, ct);
        }
    }

    /// <summary>
    /// The rider searches at the start, and takes the bike that stands there as soon as the map shows it: the first one of the map would be another one now and then, since
    /// it follows a moment behind. One that it never shows, because a ride with it has failed, is left where it is for good. Where none stands the crew brings one.
    /// </summary>
    private async Task<SimulatedVehicle> FindAsync(BikeChoice choice, string token, Crew crew, CancellationToken ct)
    {
        for (; choice.Standing is { } bike; choice = crew.Choose(Trip.StartPosition, ReplayRun.WalkingMeters))
        {
            await bike.Returning;
            if (!await PlatformClient.LookAsync(() => SearchAsync(bike), SearchPatience, ct))
                continue;
            tally.Search(Trip.Start, foundNone: false);
            return bike;
        }
        await SearchAsync(null);
        tally.Search(Trip.Start, foundNone: true);
        var brought = await crew.BringAsync(choice, Trip.StartPosition, ct);
        return await PlatformClient.LookAsync(() => SearchAsync(brought), SearchPatience, ct)
            ? brought
            : throw new RefusedException("search", "client.brought_but_not_found", null);

        async Task<bool> SearchAsync(SimulatedVehicle? wanted) =>
            (await client.SearchAsync(token, Trip.StartPosition, ReplayRun.WalkingMeters, ReplayRun.FoundMax, ct)).Require("search").Vehicles.Any(shown => shown.Id == wanted?.Id);
    }

    private async Task StartAsync(Task asking, CancellationToken ct)
    {
        await asking;
        if (HasFailed)
            return;
        try
        {
            var booking = await _rental.RidingAsync(await Rider!.TokenAsync(ct), ct);
            Bike!.Tick();
            _mustEndBy = booking.MustEndBy;
        }
        catch (RefusedException refused)
        {
            await GiveUpAsync(refused, ct);
        }
    }

    private async Task GiveUpAsync(RefusedException refused, CancellationToken ct)
    {
        Fail(refused);
        try
        {
            await _rental.LetGoAsync(await Rider!.TokenAsync(ct), ct);
        }
        catch (RefusedException)
        {
            // they are no longer let in; the platform lets go by itself
        }
    }

    /// <summary>Returns whether the bike got a full battery.</summary>
    private async Task<bool> ReturnAsync(Crew crew, SimulatedVehicle bike, CancellationToken ct)
    {
        try
        {
            var token = await Rider!.TokenAsync(ct);
            if (IsEndedByPlatform)
                await _rental.EndedAsync(token, ct);
            else
                await _rental.EndAsync(token, Trip.EndPosition, ct);
            bike.Tick();
            return await crew.ReceiveAsync(bike, ct);
        }
        catch (RefusedException refused)
        {
            Fail(refused);
            return false;
        }
    }

    private async Task SettleAsync(Task<bool> returning, CancellationToken ct)
    {
        var swapped = await returning;
        if (HasFailed)
            return;
        try
        {
            var payment = await _rental.SettledAsync(await Rider!.TokenAsync(ct), ct);
            tally.Complete(Trip.Start, EndsAt, payment.Captured?.Amount ?? 0, IsEndedByPlatform, swapped);
        }
        catch (RefusedException refused)
        {
            Fail(refused);
        }
    }

    private static string KeyOf(long number) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"trip-{number}");

    private void Fail(RefusedException refused)
    {
        HasFailed = true;
        tally.Fail(Trip, refused.Step, refused.Code, refused.Message);
    }
}
