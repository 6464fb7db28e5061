using System.Collections.Immutable;
using System.Globalization;
using Mobility.Contracts;
using Mobility.Edge.Wire;
using Mobility.Geo;
using Mobility.Twin.Client;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Replaying;

/// <summary>Which bike somebody gets at a place; one of the three.</summary>
/// <param name="Standing">Stands there.</param>
/// <param name="Spare">Stands elsewhere and is to be brought.</param>
/// <param name="Number">Of a bike that is to be bought.</param>
internal sealed record BikeChoice(SimulatedVehicle? Standing, SimulatedVehicle? Spare, int? Number);

/// <summary>The simulated crew with all bikes of the city: brings one where it is missing, swaps batteries.</summary>
internal sealed class Crew(PlatformClient client, PlatformHandle platform, Visitor visitor, string folder) : IAsyncDisposable
{
    private const int CredentialsAtATime = 8;
    private const int BikesTriedMax = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AcknowledgedWithin = TimeSpan.FromSeconds(90); // who found nobody waits up to a minute before it tries again
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _settling = new(1);
    private readonly SortedDictionary<int, SimulatedVehicle> _bikes = [];
    private ImmutableArray<SimulatedVehicle> _inOrder = [];
    private int _numbers;
    private long _relocations;
    private long _bought;
    private int _packs;

    public long Relocations => Interlocked.Read(ref _relocations);
    public long Bought => Interlocked.Read(ref _bought);
    public long Swaps => Volatile.Read(ref _packs);
    public ImmutableArray<SimulatedVehicle> Bikes => _inOrder;
    private CityId City => platform.City.City.Id;

    public SimulatedVehicle? Find(VehicleId id) => _inOrder.FirstOrDefault(bike => bike.Id == id);

    /// <summary>Gives every bike of the city its secret.</summary>
    public Task TakeOverAsync(IReadOnlyList<FleetVehicle> fleet, CancellationToken ct) =>
        MakeAllAsync(fleet.Count, (index, token) => MakeAsync(fleet[index].Label, fleet[index].Position, null, token), ct);

    /// <summary>Switches the bikes of an interrupted run on again, where they were.</summary>
    public Task ResumeAsync(CrewState was, CancellationToken ct)
    {
        (_relocations, _bought, _packs) = (was.Relocations, was.Bought, (int)was.Swaps);
        return MakeAllAsync(was.Bikes.Count, (index, token) => MakeAsync(ReplayCity.Label(index + 1), was.Bikes[index].Position, was.Bikes[index], token), ct);
    }

    /// <summary>What it needs to go on another day.</summary>
    public CrewState ToState() => new() { Relocations = Relocations, Bought = Bought, Swaps = Swaps, Bikes = [.. _inOrder.Select(bike => bike.ToState())] };

    private async Task MakeAllAsync(int count, Func<int, CancellationToken, Task<SimulatedVehicle>> makeAsync, CancellationToken ct)
    {
        var made = new SimulatedVehicle[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = CredentialsAtATime, CancellationToken = ct },
            async (index, token) => made[index] = await makeAsync(index, token));
        foreach (var bike in made)
            Add(++_numbers, bike);
        if (!await PlatformClient.LookAsync(() => Task.FromResult(_inOrder.All(bike => bike.IsConnected)), Patience, ct))
            throw new RefusedException("connect", "client.not_connected", $"{_inOrder.Count(bike => !bike.IsConnected)} bikes are not at the MQTT door");
    }

    /// <summary>Waits until the platform has acknowledged all that the bikes told.</summary>
    public async Task AllToldAsync(CancellationToken ct)
    {
        foreach (var bike in _inOrder)
            bike.Tick();
        if (!await PlatformClient.LookAsync(() => Task.FromResult(_inOrder.All(bike => bike.IsAllAcknowledged)), AcknowledgedWithin, ct))
            throw new RefusedException("telemetry", "client.not_acknowledged", $"{_inOrder.Count(bike => !bike.IsAllAcknowledged)} bikes still wait");
    }

    public async ValueTask DisposeAsync()
    {
        await Parallel.ForEachAsync(_inOrder, new ParallelOptions { MaxDegreeOfParallelism = CredentialsAtATime }, (bike, _) => bike.DisposeAsync());
        _settling.Dispose();
    }

    /// <summary>
    /// Decides which bike is taken at a place, and gives it to nobody else: the nearest that stands within reach, as a person sees it in the street, else the nearest of the
    /// place that has most of them, else a new one. Who asks in the order of the trips gets the same bikes however fast the machine is.
    /// </summary>
    public BikeChoice Choose(GeoPoint place, double meters)
    {
        lock (_gate)
        {
            var standing = NearestTo(place, meters);
            var spare = standing is null ? SpareFor(place) : null;
            if ((standing ?? spare) is not { } chosen)
                return new BikeChoice(null, null, ++_numbers);
            chosen.IsIdle = false;
            return new BikeChoice(standing, spare, null);
        }
    }

    /// <summary>
    /// Brings the bike that was chosen for a place, or buys one when every bike is on a ride. It is rentable there a moment after this returns. One that the platform does not
    /// give, because a ride with it has failed, is left where it is for good, and another one is brought.
    /// </summary>
    /// <exception cref="RefusedException">The platform gives none of several, or no new one.</exception>
    public async Task<SimulatedVehicle> BringAsync(BikeChoice choice, GeoPoint to, CancellationToken ct)
    {
        var token = await visitor.TokenAsync(ct);
        Interlocked.Increment(ref _relocations);
        for (var tried = 1; choice.Spare is { } bike; choice = Choose(to, 0), tried++)
        {
            await bike.Returning;
            await PlatformClient.LookAsync(() => Task.FromResult(bike.IsAllAcknowledged), Patience, ct);
            if (bike.ClockAt >= platform.Clock.GetUtcNow())
                await SettleAsync(ct); // it came at this same instant: told later than the crew's word and as new, the place where it stood would stand
            var moved = await client.RelocateAsync(token, bike.Id, to, ct);
            if (moved.Ok)
            {
                await bike.CarryAsync(to, platform.Clock.GetUtcNow());
                return bike;
            }
            if (tried == BikesTriedMax)
                moved.Require("relocate");
        }
        if (choice.Standing is { } stands)
        {
            await stands.Returning;
            return stands;
        }
        Interlocked.Increment(ref _bought);
        var label = ReplayCity.Label(choice.Number!.Value);
        (await client.RegisterVehicleAsync(token, City, label, ReplayCity.Bike, to, 100, ct)).Require("register_vehicle");
        var bought = await MakeAsync(label, to, null, ct);
        bought.IsIdle = false;
        Add(choice.Number.Value, bought);
        return bought;
    }

    /// <summary>One caller at a time.</summary>
    private async Task SettleAsync(CancellationToken ct)
    {
        await _settling.WaitAsync(ct);
        try
        {
            await platform.SettleAsync(ct);
        }
        finally
        {
            _settling.Release();
        }
    }

    /// <summary>Measured as the platform's map does: of many in one place a search lists the first only, and this one has to be among them.</summary>
    private SimulatedVehicle? NearestTo(GeoPoint place, double meters)
    {
        (SimulatedVehicle Bike, double Meters)? nearest = null;
        var from = new DistanceFrom(PackedPoint.Of(place));
        foreach (var bike in _inOrder)
        {
            var at = PackedPoint.Of(bike.Position);
            if (bike.IsIdle && from.MetersTo(at.LatitudeUnits, at.LongitudeUnits) is var away && away <= meters
                && (nearest is not var (other, best) || away < best || (away == best && bike.Id.Value < other.Id.Value)))
                nearest = (bike, away);
        }
        return nearest?.Bike;
    }

    /// <summary>One that came at this very instant only where no other stands there.</summary>
    private SimulatedVehicle? SpareFor(GeoPoint to) => _inOrder.Where(bike => bike.IsIdle).GroupBy(bike => bike.Position)
        .OrderByDescending(place => place.Count()).ThenBy(place => place.Key.DistanceMetersTo(to)).FirstOrDefault()?
        .OrderBy(bike => bike.ClockAt >= platform.Clock.GetUtcNow()).First();

    /// <summary>After a ride: waits until the platform lets the bike be found again, and swaps a battery that is low; true when it did.</summary>
    public async Task<bool> ReceiveAsync(SimulatedVehicle bike, CancellationToken ct)
    {
        var token = await visitor.TokenAsync(ct);
        var state = VehicleState.OnTrip;
        var isBack = await PlatformClient.LookAsync(async () =>
        {
            state = (await client.GetVehicleAsync(token, bike.Id, ct)).Require("vehicle").State;
            return state == VehicleState.Available;
        }, Patience, ct);
        if (!isBack)
            throw new RefusedException("vehicle_back", $"client.still_{state.ToString().ToLowerInvariant()}", bike.Id.ToString());
        if (!bike.NeedsSwap)
            return false;
        var pack = string.Create(CultureInfo.InvariantCulture, $"pack-{Interlocked.Increment(ref _packs):000000}");
        (await client.SwapBatteryAsync(token, bike.Id, pack, 100, ct)).Require("swap");
        bike.Charge(100);
        return true;
    }

    private async Task<SimulatedVehicle> MakeAsync(string label, GeoPoint at, KeptVehicle? was, CancellationToken ct)
    {
        var id = VehicleId.Of(City, label);
        var secret = (await client.IssueDeviceSecretAsync(await visitor.TokenAsync(ct), id, ct)).Require("device_secret").Password;
        var clock = was is { IsLocked: false } ? new TwinClock(was.ClockAt) : platform.Clock; // on a ride its next report is due as if nothing had been
        var door = new DoorAddress("127.0.0.1", platform.MqttPort) { Secret = secret };
        var bike = SimulatedVehicle.Start(id, ReplayCity.BikeBuild, at, 100, clock, door, Path.Combine(folder, label), was: was);
        bike.Tick();
        return bike;
    }

    /// <summary>Several may be bought at a time, and come in any order.</summary>
    private void Add(int number, SimulatedVehicle bike)
    {
        lock (_gate)
        {
            _bikes.Add(number, bike);
            _inOrder = [.. _bikes.Values];
        }
    }
}
