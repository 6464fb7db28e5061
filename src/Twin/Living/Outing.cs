using Mobility.Contracts;
using Mobility.Twin.Client;
using Mobility.Twin.Stage;
using Mobility.Twin.Streets;

namespace Mobility.Twin.Living;

/// <summary>
/// Somebody's way: they look for a vehicle, look again some minutes later, walk away, or ride and pay. What the platform refuses is counted and tried once more
/// with another vehicle; what they pay in
/// the end is compared with what they owed when they got off.
/// </summary>
internal sealed class Outing(CityRun city, Wish wish)
{
    /// <summary>A ride of an earlier run, which was killed, holds the account; the platform will end it.</summary>
    private const string HasARide = "booking.rider_busy";

    private const string NoneNearby = "none_nearby";
    private const int FoundMax = 50;
    private const int AttemptsMax = 3;
    private const int LooksAtMoneyMax = 18;
    private const double WalkRatherMeters = 300;
    private const double WindowSlack = 2;
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan WindowStep = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan LookAtMoneyAfter = TimeSpan.FromMinutes(10);

    /// <summary>After this every timeout of an unlocking has passed, and whoever was let down has been let go.</summary>
    private static readonly TimeSpan LetGoWithin = TimeSpan.FromMinutes(3);

    private readonly HashSet<VehicleId> _tried = [];
    private int _looks;
    private int _attempts;
    private int _looksAtMoney;
    private bool _wasDear;
    private bool _isStranded;

    private sealed record Choice(SimulatedVehicle Vehicle, QuoteReply Quote, StreetWay Way, TimeSpan Time, Rental Rental);

    /// <summary>Looks around; returns when it is clear whether they ride, come back later, or walk away.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        if (_looks++ == 0)
            city.Measures.Count("wishes");
        Rider? rider = null;
        try
        {
            rider = await city.Riders.TakeAsync(ct);
            if (await ChooseAsync(rider, ct) is { } choice)
            {
                choice.Vehicle.IsIdle = false;
                var began = city.Timeline.Now;
                await city.Troubles.RiderActsAsync(ct);
                await StartAsync(rider, choice, began, ct); // the clock stands: a minute of reservation that begins has its price
                return;
            }
        }
        catch (RefusedException refused)
        {
            city.Measures.LetDown(refused);
            TryAnother(LookAgainAfter);
        }
        if (rider is not null)
            city.Riders.Return(rider);
    }

    private async Task<Choice?> ChooseAsync(Rider rider, CancellationToken ct)
    {
        var token = await rider.TokenAsync(ct);
        await Task.WhenAll(city.Crew.ReturningTo(wish.From, wish.Persona.WalkMeters));
        await city.CalmAsync(ct);
        var isNear = false;
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
            isNear |= way.Meters < WalkRatherMeters;
            if (way.Meters < WalkRatherMeters)
                continue;
            _tried.Add(vehicle.Id);
            var time = TimeSpan.FromSeconds(Math.Max(60, way.Meters / SpeedOf(kind)));
            var rental = new Rental(city.Client, FormattableString.Invariant($"{city.Name}-{wish.Number}-{_tried.Count}"));
            var quote = await rental.QuoteAsync(token, vehicle.Id, kind is VehicleKind.Car or VehicleKind.Van ? WindowOf(time) : null, ct);
            if (quote.Estimate.Amount <= wish.FairPriceMinor)
                return new Choice(vehicle, quote, way, time, rental);
            _wasDear = true;
        }
        if (isNear)
            WalkAway("near_enough");
        else if (_looks < wish.Persona.Looks)
            city.Timeline.At(city.Timeline.Now + LookAgainAfter, LookAsync);
        else
            WalkAway(_wasDear ? "too_dear" : _attempts > 0 ? "let_down" : NoneNearby);
        return null;
    }

    private async Task StartAsync(Rider rider, Choice choice, DateTimeOffset began, CancellationToken ct)
    {
        try
        {
            choice.Vehicle.BeginAt(began);
            await choice.Rental.TakeAsync(await rider.TokenAsync(ct), choice.Quote, ct, city.Troubles.PatienceSeconds);
            choice.Vehicle.Tick();
            Ride(rider, choice, began, began);
        }
        catch (RefusedException refused)
        {
            city.Timeline.At(began + LetGoWithin, token => LetGoAsync(rider, choice, began, refused, token));
        }
    }

    /// <param name="rider">Who rides.</param>
    /// <param name="choice">What, where to.</param>
    /// <param name="asked">When they asked the vehicle to open: before that they owe nothing.</param>
    /// <param name="began">When they set out.</param>
    private void Ride(Rider rider, Choice choice, DateTimeOffset asked, DateTimeOffset began)
    {
        for (var at = began + SimulatedVehicle.ReportEvery; at < began + choice.Time; at += SimulatedVehicle.ReportEvery)
        {
            var passed = at;
            city.Timeline.At(passed, token => PassAsync(rider, choice, asked, began, passed, token));
        }
        city.Timeline.At(began + choice.Time, token => EndAsync(rider, choice, asked, began, token));
    }

    private async Task PassAsync(Rider rider, Choice choice, DateTimeOffset asked, DateTimeOffset began, DateTimeOffset at, CancellationToken ct)
    {
        if (_isStranded)
            return;
        var meters = choice.Way.Meters * ((at - began) / choice.Time);
        if (city.Radios.Heed(choice.Vehicle, choice.Way.At(meters)))
            city.Measures.Count("reports_in_dead_zones");
        choice.Vehicle.Pass(at, choice.Way.At(meters), meters, choice.Way.Meters / choice.Time.TotalSeconds);
        if (choice.Vehicle.DiesAt(meters))
            await StrandAsync(rider, choice, asked, ct);
    }

    /// <summary>The vehicle dies under them: they end the ride where they stand, or support does where none may end, and walk on.</summary>
    private async Task StrandAsync(Rider rider, Choice choice, DateTimeOffset asked, CancellationToken ct)
    {
        _isStranded = true;
        city.Measures.Count("stranded");
        await choice.Vehicle.DieAsync();
        var owed = await OwedAsync(rider, choice, asked, ct);
        try
        {
            if (!(await choice.Rental.AskEndAsync(await rider.TokenAsync(ct), choice.Vehicle.Position, ct)).Ok)
                await city.Crew.EndForAsync(choice.Rental.Booking!.Value, ct);
        }
        catch (RefusedException refused)
        {
            city.Measures.LetDown(refused);
        }
        city.Timeline.At(city.Timeline.Now + LetGoWithin, later =>
        {
            choice.Vehicle.IsIdle = true; // for the crew and its batteries
            return PayAsync(rider, choice.Rental, owed, later);
        });
    }

    private async Task EndAsync(Rider rider, Choice choice, DateTimeOffset asked, DateTimeOffset began, CancellationToken ct)
    {
        if (_isStranded)
            return;
        city.Radios.Heed(choice.Vehicle, choice.Way.To);
        choice.Vehicle.Pass(began + choice.Time, choice.Way.To, choice.Way.Meters, 0);
        var owed = await OwedAsync(rider, choice, asked, ct);
        await city.Troubles.RiderActsAsync(ct);
        var refused = await AskEndAsync(rider, choice, ct); // the clock stands: a vehicle that does not lock costs until they asked for it
        var ending = GiveBackAsync(rider, choice, refused, ct);
        choice.Vehicle.Returning = ending;
        choice.Vehicle.IsIdle = true;
        await city.Timeline.UnderWay.AddAsync(city.Timeline.Now + UnderWay.AheadMax, PayWhenBackAsync());

        async Task PayWhenBackAsync()
        {
            await ending;
            await PayAsync(rider, choice.Rental, owed, ct);
        }
    }

    private static async Task<RefusedException?> AskEndAsync(Rider rider, Choice choice, CancellationToken ct)
    {
        try
        {
            (await choice.Rental.AskEndAsync(await rider.TokenAsync(ct), choice.Way.To, ct)).Require("end");
            return null;
        }
        catch (RefusedException refused)
        {
            return refused;
        }
    }

    private async Task GiveBackAsync(Rider rider, Choice choice, RefusedException? refusal, CancellationToken ct)
    {
        try
        {
            if (refusal is not null)
                throw refusal;
            await choice.Rental.EndedAsync(await rider.TokenAsync(ct), ct);
            choice.Vehicle.Tick();
            await city.Crew.ReceiveAsync(choice.Vehicle, ct);
            city.Measures.Arrived(wish, choice.Vehicle, choice.Time);
        }
        catch (RefusedException refused)
        {
            city.Measures.LetDown(refused);
            await HelpAsync(choice, ct);
        }
    }

    /// <summary>They cannot end the ride themselves and call support.</summary>
    private async Task HelpAsync(Choice choice, CancellationToken ct)
    {
        try
        {
            await city.Crew.EndForAsync(choice.Rental.Booking!.Value, ct);
        }
        catch (RefusedException refused)
        {
            city.Measures.Count($"support_could_not.{refused.Code}"); // it may have ended meanwhile
        }
    }

    /// <summary>
    /// What the ride has cost when they get off, in minor units; nothing where the platform lets it begin before they asked for the vehicle, or cannot say. Null for
    /// cars and vans: their price has a part for the way, which is known when the odometer is read.
    /// </summary>
    private async Task<long?> OwedAsync(Rider rider, Choice choice, DateTimeOffset asked, CancellationToken ct)
    {
        try
        {
            var booking = await choice.Rental.ReadAsync(await rider.TokenAsync(ct), ct);
            if (booking.StartedAt < asked)
                return 0;
            return choice.Vehicle.Build.Kind is VehicleKind.Car or VehicleKind.Van ? null : booking.CostSoFar?.Total.Amount ?? 0;
        }
        catch (RefusedException refused)
        {
            city.Measures.LetDown(refused);
            return 0;
        }
    }

    /// <summary>What they paid, compared with what they owed, as soon as the money has come to rest; while the provider is away they look again later.</summary>
    private async Task PayAsync(Rider rider, Rental rental, long? owed, CancellationToken ct)
    {
        try
        {
            if (await rental.CapturedAsync(await rider.TokenAsync(ct), ct, city.Troubles.PatienceSeconds) is { } captured)
            {
                city.Measures.Paid(captured, owed ?? captured);
                city.Riders.Return(rider);
                return;
            }
        }
        catch (RefusedException refused)
        {
            city.Measures.LetDown(refused);
        }
        if (_looksAtMoney++ == 0)
            city.Measures.Count("paid_late");
        if (_looksAtMoney <= LooksAtMoneyMax)
            city.Timeline.At(city.Timeline.Now + LookAtMoneyAfter, later => PayAsync(rider, rental, owed, later));
        else
            city.Measures.LetDown(new RefusedException("payment", "client.never_at_rest", null));
    }

    /// <summary>The booking led nowhere: it is to cost nothing, and they try another vehicle. Unless it opened late: then they ride.</summary>
    private async Task LetGoAsync(Rider rider, Choice choice, DateTimeOffset asked, RefusedException refused, CancellationToken ct)
    {
        try
        {
            var token = await rider.TokenAsync(ct);
            if (await choice.Rental.IsRidingAsync(token, ct))
            {
                city.Measures.Count("opened_late");
                choice.Vehicle.BeginAt(city.Timeline.Now);
                Ride(rider, choice, asked, city.Timeline.Now);
                return;
            }
            await choice.Rental.LetGoAsync(token, ct);
        }
        catch (RefusedException unable)
        {
            city.Measures.LetDown(unable);
        }
        city.Measures.LetDown(refused);
        choice.Vehicle.IsIdle = true;
        if (refused.Code != HasARide)
            await PayAsync(rider, choice.Rental, 0, ct);
        TryAnother(TimeSpan.Zero);
    }

    private void TryAnother(TimeSpan after)
    {
        if (++_attempts < AttemptsMax)
            city.Timeline.At(city.Timeline.Now + after, LookAsync);
        else
            WalkAway("let_down");
    }

    private void WalkAway(string reason)
    {
        city.Measures.Unmet(wish, reason);
        if (reason == NoneNearby)
            city.Crew.Hear(wish.From, wish.Persona.Kinds, wish.At);
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
