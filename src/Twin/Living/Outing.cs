using Mobility.Contracts;
using Mobility.Twin.Client;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>
/// Somebody's way: they look for a vehicle, look again some minutes later, walk away, or ride and pay. What the platform refuses is counted and tried once more
/// with another vehicle; what it costs them then is watched.
/// </summary>
internal sealed class Outing(CityRun city, Wish wish)
{
    /// <summary>A ride of an earlier run, which was killed, holds the account; the platform will end it.</summary>
    private const string HasARide = "booking.rider_busy";

    private const int FoundMax = 50;
    private const int VehiclesMax = 3;
    private const double WalkRatherMeters = 300;
    private const double WindowSlack = 2;
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan WindowStep = TimeSpan.FromMinutes(30);

    /// <summary>After this every timeout of an unlocking has passed, and whoever was let down has been let go.</summary>
    private static readonly TimeSpan LetGoWithin = TimeSpan.FromMinutes(3);

    private readonly HashSet<VehicleId> _tried = [];
    private int _looks;
    private bool _isStranded;

    private sealed record Choice(SimulatedVehicle Vehicle, QuoteReply Quote, StreetWay Way, TimeSpan Time, Rental Rental);

    /// <summary>Looks around; returns when it is clear whether they ride, come back later, or walk away.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        if (_looks++ == 0)
            city.Measures.Wanted(wish);
        Rider? rider = null;
        try
        {
            rider = await city.Riders.TakeAsync(ct);
            if (await ChooseAsync(rider, ct) is { } choice)
            {
                choice.Vehicle.IsIdle = false;
                var began = city.Timeline.Now;
                await city.RiderActsAsync(ct);
                await StartAsync(rider, choice, began, ct); // the clock stands: a minute of reservation that begins has its price
                return;
            }
        }
        catch (RefusedException refused)
        {
            city.Measures.LetDown(refused.Step, refused.Code, 0);
        }
        if (rider is not null)
            city.Riders.Return(rider);
    }

    private async Task<Choice?> ChooseAsync(Rider rider, CancellationToken ct)
    {
        var token = await rider.TokenAsync(ct);
        await Task.WhenAll(city.Crew.ReturningTo(wish.From, wish.Persona.WalkMeters));
        await city.CalmAsync(ct);
        var (isDear, isNear) = (false, true);
        foreach (var kind in wish.Persona.Kinds)
        {
            if (city.Places.BayAt(wish.To, kind) is not { } bay)
                continue;
            city.Measures.Count("searches");
            var found = (await city.Client.SearchAsync(token, wish.From, wish.Persona.WalkMeters, FoundMax, ct, kind)).Require("search");
            // A vehicle that was just taken may still be on the map, but not in the street.
            var vehicle = found.Vehicles.Select(one => city.Crew.Find(one.Id)).FirstOrDefault(one => one is { IsIdle: true } && !_tried.Contains(one.Id));
            if (vehicle is null)
                continue;
            var way = city.Streets.Between(vehicle.Position, bay.Position, wish.Number % 2 == 0);
            if (way.Meters < WalkRatherMeters)
                continue;
            isNear = false;
            _tried.Add(vehicle.Id);
            var time = TimeSpan.FromSeconds(Math.Max(60, way.Meters / SpeedOf(kind)));
            var rental = new Rental(city.Client, FormattableString.Invariant($"{city.Name}-{wish.Number}-{_tried.Count}"));
            var quote = await rental.QuoteAsync(token, vehicle.Id, kind is VehicleKind.Car or VehicleKind.Van ? WindowOf(time) : null, ct);
            if (quote.Estimate.Amount <= wish.FairPriceMinor)
                return new Choice(vehicle, quote, way, time, rental);
            isDear = true;
        }
        if (_looks < wish.Persona.Looks)
            city.Timeline.At(city.Timeline.Now + LookAgainAfter, LookAsync);
        else
            WalkAway(isDear ? "too_dear" : isNear && _tried.Count == 0 ? "none_nearby" : "none_fit");
        return null;
    }

    private async Task StartAsync(Rider rider, Choice choice, DateTimeOffset began, CancellationToken ct)
    {
        try
        {
            choice.Vehicle.BeginAt(began);
            await choice.Rental.TakeAsync(await rider.TokenAsync(ct), choice.Quote, ct, city.PatienceSeconds);
            choice.Vehicle.Tick();
            Ride(rider, choice, began);
        }
        catch (RefusedException refused)
        {
            city.Timeline.At(began + LetGoWithin, token => LetGoAsync(rider, choice, refused, token));
        }
    }

    private void Ride(Rider rider, Choice choice, DateTimeOffset began)
    {
        for (var at = began + SimulatedVehicle.ReportEvery; at < began + choice.Time; at += SimulatedVehicle.ReportEvery)
        {
            var passed = at;
            city.Timeline.At(passed, token => PassAsync(rider, choice, began, passed, token));
        }
        city.Timeline.At(began + choice.Time, token => EndAsync(rider, choice, began, token));
    }

    private async Task PassAsync(Rider rider, Choice choice, DateTimeOffset began, DateTimeOffset at, CancellationToken ct)
    {
        if (_isStranded)
            return;
        var meters = choice.Way.Meters * ((at - began) / choice.Time);
        city.Radios.Heed(choice.Vehicle, choice.Way.At(meters));
        choice.Vehicle.Pass(at, choice.Way.At(meters), meters, choice.Way.Meters / choice.Time.TotalSeconds);
        if (choice.Vehicle.DiesAt(meters))
            await StrandAsync(rider, choice, ct);
    }

    /// <summary>The vehicle dies under them: they end the ride where they stand, or support does where none may end, and walk on.</summary>
    private async Task StrandAsync(Rider rider, Choice choice, CancellationToken ct)
    {
        _isStranded = true;
        await choice.Vehicle.DieAsync();
        try
        {
            var token = await rider.TokenAsync(ct);
            if (!(await choice.Rental.AskEndAsync(token, choice.Vehicle.Position, ct)).Ok)
                await city.Crew.EndForAsync(choice.Rental.Booking!.Value, ct);
            var owed = await choice.Rental.CostSoFarAsync(token, ct);
            city.Timeline.At(city.Timeline.Now + LetGoWithin, later => WalkOnAsync(rider, choice, owed, later));
        }
        catch (RefusedException refused)
        {
            city.Measures.LetDown(refused.Step, refused.Code, 0);
        }
    }

    private async Task WalkOnAsync(Rider rider, Choice choice, long owed, CancellationToken ct)
    {
        try
        {
            var payment = await choice.Rental.SettledAsync(await rider.TokenAsync(ct), ct);
            city.Measures.Stranded(owed, payment.Captured?.Amount ?? 0);
        }
        catch (RefusedException refused)
        {
            city.Measures.LetDown(refused.Step, refused.Code, 0);
        }
        choice.Vehicle.IsIdle = true; // for the crew and its batteries
        city.Riders.Return(rider);
    }

    private async Task EndAsync(Rider rider, Choice choice, DateTimeOffset began, CancellationToken ct)
    {
        if (_isStranded)
            return;
        city.Radios.Heed(choice.Vehicle, choice.Way.To);
        choice.Vehicle.Pass(began + choice.Time, choice.Way.To, choice.Way.Meters, 0);
        await city.RiderActsAsync(ct);
        var ending = GiveBackAsync(rider, choice, ct);
        choice.Vehicle.Returning = ending;
        choice.Vehicle.IsIdle = true;
        await city.Timeline.UnderWay.AddAsync(city.Timeline.Now + UnderWay.AheadMax, ending);
    }

    private async Task GiveBackAsync(Rider rider, Choice choice, CancellationToken ct)
    {
        try
        {
            var payment = await choice.Rental.GiveBackAsync(await rider.TokenAsync(ct), choice.Way.To, ct);
            choice.Vehicle.Tick();
            await city.Crew.ReceiveAsync(choice.Vehicle, ct);
            city.Measures.Arrived(wish, choice.Vehicle.Build.Kind, choice.Time, payment.Captured?.Amount ?? 0);
        }
        catch (RefusedException refused)
        {
            city.Measures.LetDown(refused.Step, refused.Code, 0);
            choice.Vehicle.IsIdle = false; // what has become of it is for the crew
        }
        city.Riders.Return(rider);
    }

    /// <summary>The booking led nowhere: it is to cost nothing, and they try another vehicle. Unless it opened late: then they ride.</summary>
    private async Task LetGoAsync(Rider rider, Choice choice, RefusedException refused, CancellationToken ct)
    {
        var token = await rider.TokenAsync(ct);
        if (await choice.Rental.IsRidingAsync(token, ct))
        {
            city.Measures.Count("opened_late");
            choice.Vehicle.BeginAt(city.Timeline.Now);
            Ride(rider, choice, city.Timeline.Now);
            return;
        }
        var captured = await choice.Rental.LetGoAsync(token, ct);
        city.Measures.LetDown(refused.Step, refused.Code, captured);
        choice.Vehicle.IsIdle = true;
        if (refused.Code != HasARide)
            city.Riders.Return(rider);
        if (_tried.Count < VehiclesMax)
            await LookAsync(ct);
        else
            WalkAway("let_down");
    }

    private void WalkAway(string reason)
    {
        city.Measures.Unmet(wish, reason);
        city.Crew.Hear(wish.From, wish.At);
    }

    private (DateTimeOffset From, DateTimeOffset Until) WindowOf(TimeSpan time)
    {
        var steps = Math.Ceiling(time * WindowSlack / WindowStep);
        return (city.Timeline.Now, city.Timeline.Now + WindowStep * steps);
    }

    /// <summary>Meters a second through a city.</summary>
    private static double SpeedOf(VehicleKind kind) => kind switch
    {
        VehicleKind.Scooter => 4.2,
        VehicleKind.EBike => 4.7,
        VehicleKind.Car => 7,
        _ => 6.5,
    };
}
