using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>What goes wrong in a city at certain times of every day. What is wrong with a vehicle or a card, it has from the begin (<see cref="FaultPlan"/>).</summary>
/// <param name="city">Where.</param>
/// <param name="platform">What may be killed.</param>
/// <param name="faults">Which are chosen.</param>
internal sealed class CityTroubles(CityRun city, PlatformHandle platform, FaultPlan faults)
{
    private const int TheftHour = 3;
    private const int LocksStuckFromHour = 9;
    private const int LocksStuckUntilHour = 11;
    private const int OutageFromHour = 12;
    private const int OutageUntilHour = 13;
    private const int CrashMillisecondsMax = 15; // what a rider asks for takes about as long
    private const int Thefts = 2;
    private const int DragSteps = 10;
    private const int DaysMax = 400;
    private const double DragMeters = 200;
    private static readonly TimeSpan CrashEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan RadiosBreakEvery = TimeSpan.FromMinutes(2);
    private long? _crashIsDue;
    private bool _isOutage;

    /// <summary>
    /// Seconds of the machine until an unanswered step is given up: where much goes unanswered, nobody waits long, and where nothing can be answered, no longer
    /// than a refusal takes to come.
    /// </summary>
    public int PatienceSeconds => _isOutage ? 1 : faults.Has(Fault.Locks | Fault.DeadZones | Fault.Telemetry | Fault.PaymentsDown) ? 3 : 10;

    /// <summary>From now on.</summary>
    /// <param name="until">Nothing begins later.</param>
    public void Begin(DateTimeOffset until)
    {
        if (faults.Has(Fault.Telemetry))
            city.Timeline.Every(RadiosBreakEvery, until, (round, _) => Done(() => city.Radios.BreakSome(city.Crew.Vehicles, round)));
        if (faults.Has(Fault.Locks))
            Daily(LocksStuckFromHour, LocksStuckUntilHour, until, (stuck, _) => Done(() => StickLocks(stuck)));
        if (faults.Has(Fault.PaymentsDown))
            Daily(OutageFromHour, OutageUntilHour, until, SwitchPaymentsAsync);
        if (faults.Has(Fault.Crash))
            city.Timeline.Every(CrashEvery, until, (round, _) => Done(() => _crashIsDue = round));
        if (faults.Has(Fault.Theft))
            Daily(TheftHour, TheftHour + 1, until, (begins, _) => Done(begins ? Steal : static () => { }));
    }

    /// <summary>A rider is about to ask for several things. If it is time for a crash, that is in the middle of them.</summary>
    public async Task RiderActsAsync(CancellationToken ct)
    {
        if (_crashIsDue is not { } round)
            return;
        _crashIsDue = null;
        city.Measures.Count("crashes");
        await city.Timeline.UnderWay.AddAsync(city.Timeline.Now + UnderWay.AheadMax, KillAsync());

        async Task KillAsync()
        {
            await Task.Delay(Dice.Of(faults.Seed, "crash", round).Below(CrashMillisecondsMax), ct);
            await platform.CrashAsync!(ct);
        }
    }

    private static Task Done(Action act)
    {
        act();
        return Task.CompletedTask;
    }

    /// <summary>Something begins at an hour of every day and ends at another.</summary>
    private void Daily(int fromHour, int untilHour, DateTimeOffset last, Func<bool, CancellationToken, Task> act)
    {
        var began = city.Timeline.Now;
        var midnight = TimeZoneInfo.ConvertTime(began, city.Places.Zone).Date;
        for (var day = 0; day <= DaysMax && AtHour(midnight.AddDays(day), fromHour) is var from && from <= last; day++)
            if (from >= began)
            {
                city.Timeline.At(from, ct => act(true, ct));
                city.Timeline.At(AtHour(midnight.AddDays(day), untilHour), ct => act(false, ct)); // also after the end of the run
            }
    }

    private DateTimeOffset AtHour(DateTime day, int hour)
    {
        var local = day.AddHours(hour);
        return new DateTimeOffset(local, city.Places.Zone.GetUtcOffset(local)).ToUniversalTime();
    }

    private Task SwitchPaymentsAsync(bool down, CancellationToken ct)
    {
        _isOutage = down;
        return city.Crew.SwitchPaymentsAsync(down, ct);
    }

    private void StickLocks(bool stuck)
    {
        for (var number = 0; number < city.Crew.Vehicles.Length; number++)
        {
            var vehicle = city.Crew.Vehicles[number];
            if (faults.HasStuckLock(number))
                vehicle.IsLockStuck = stuck; // under a rider too: then it does not close
            if (faults.HasSilentLock(number) && vehicle.Faults.Radio is { } radio && (!stuck || vehicle.IsIdle))
                radio.IsDead = stuck;
        }
    }

    /// <summary>Thieves carry locked vehicles away; nobody in the street finds them afterwards.</summary>
    private void Steal()
    {
        var now = city.Timeline.Now;
        var dice = Dice.Of(faults.Seed, "theft", now.UtcTicks);
        var idle = city.Crew.Vehicles.Where(vehicle => vehicle.IsIdle && vehicle.Returning.IsCompleted).ToArray();
        for (var theft = 0; theft < Thefts && idle.Length > 0; theft++)
        {
            var vehicle = idle[dice.Below(idle.Length)];
            vehicle.IsIdle = false;
            city.Measures.Count("stolen");
            for (var step = 1; step <= DragSteps; step++)
            {
                var at = now + step * SimulatedVehicle.ReportEvery;
                city.Timeline.At(at, () => vehicle.DragTo(at, vehicle.Position.OffsetMeters(DragMeters, 0)));
            }
        }
    }
}
