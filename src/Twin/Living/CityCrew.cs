using System.Collections.Immutable;
using System.Globalization;
using Mobility.Contracts;
using Mobility.Edge.Wire;
using Mobility.Geo;
using Mobility.Twin.Client;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>
/// The people who keep a city's vehicles going, with shifts, vans and charged packs: every few minutes of a shift each of them does the next thing, which is the
/// emptiest battery, or else a vehicle that stands where many stand and is wanted where none does.
/// </summary>
/// <param name="client">The platform.</param>
/// <param name="platform">Its clock and door.</param>
/// <param name="visitor">The staff account.</param>
/// <param name="city">Where.</param>
/// <param name="faults">What is wrong with the vehicles.</param>
/// <param name="policy">How they work.</param>
/// <param name="measures">Hears of what the platform refuses them.</param>
/// <param name="folder">For the vehicles' own folders.</param>
internal sealed class CityCrew(
    PlatformClient client, PlatformHandle platform, Visitor visitor, CityOfPlaces city, FaultPlan faults, CrewPolicy policy, CityMeasures measures,
    string folder) : IAsyncDisposable
{
    private const int AtATime = 8;
    private const double PlaceMeters = 250;
    private const double ChargerMeters = 60;
    private const int ChargePercentAJob = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HeardWithin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LeftAlone = TimeSpan.FromHours(1);
    private readonly Dictionary<VehicleId, SimulatedVehicle> _byId = [];
    private readonly Dictionary<VehicleId, DateTimeOffset> _leftAlone = [];
    private readonly List<(Place Place, VehicleKind Kind, DateTimeOffset At)> _missed = [];
    private int _packs;

    /// <summary>All vehicles.</summary>
    public ImmutableArray<SimulatedVehicle> Vehicles { get; private set; } = [];

    public long Swaps { get; private set; }
    public long Relocations { get; private set; }

    public SimulatedVehicle? Find(VehicleId id) => _byId.GetValueOrDefault(id);

    /// <summary>Switches every vehicle on, where the platform last saw it.</summary>
    public async Task TakeOverAsync(IReadOnlyList<FleetVehicle> fleet, CancellationToken ct)
    {
        var types = platform.City.VehicleTypes.ToDictionary(type => type.Id);
        var made = new SimulatedVehicle[fleet.Count];
        await Parallel.ForAsync(0, fleet.Count, new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = ct },
            async (index, token) => made[index] = await MakeAsync(index, fleet[index], types[fleet[index].VehicleTypeId], token));
        foreach (var vehicle in made)
            _byId.Add(vehicle.Id, vehicle);
        Vehicles = [.. made];
        if (!await PlatformClient.LookAsync(() => Task.FromResult(made.All(vehicle => vehicle.IsConnected)), Patience, ct))
            throw new RefusedException("connect", "client.not_connected", $"{made.Count(vehicle => !vehicle.IsConnected)} vehicles are not at the MQTT door");
    }

    /// <summary>Vehicles that come back within reach of a place and are not back yet.</summary>
    public IEnumerable<Task> ReturningTo(GeoPoint place, double meters) =>
        Vehicles.Where(vehicle => vehicle.IsIdle && !vehicle.Returning.IsCompleted && vehicle.Position.DistanceMetersTo(place) <= meters).Select(vehicle => vehicle.Returning);

    /// <summary>After a ride: waits until the platform lets the vehicle be found again.</summary>
    public async Task ReceiveAsync(SimulatedVehicle vehicle, CancellationToken ct)
    {
        var token = await visitor.TokenAsync(ct);
        var state = VehicleState.OnTrip;
        if (!await PlatformClient.LookAsync(async () =>
            {
                state = (await client.GetVehicleAsync(token, vehicle.Id, ct)).Require("vehicle").State;
                return state is not (VehicleState.OnTrip or VehicleState.Reserved);
            }, Patience, ct))
            throw new RefusedException("vehicle_back", $"client.still_{state.ToString().ToLowerInvariant()}", vehicle.Id.ToString());
    }

    /// <summary>Waits a moment until the platform has acknowledged what vehicles have told; who cannot be heard keeps it.</summary>
    public Task HeardAsync(CancellationToken ct) =>
        PlatformClient.LookAsync(() => Task.FromResult(Vehicles.All(vehicle => vehicle.IsAllAcknowledged || MayBeUnheard(vehicle))), HeardWithin, ct);

    /// <summary>Somebody found nothing near a place; the crew hears of it, if they would have taken something that can be brought.</summary>
    public void Hear(GeoPoint from, IEnumerable<VehicleKind> kinds, DateTimeOffset at)
    {
        foreach (var kind in kinds.Where(IsSmall).Take(1))
            _missed.Add((city.Places.MinBy(place => place.Position.DistanceMetersTo(from))!, kind, at));
    }

    /// <summary>A shift begins: the vans have charged packs again.</summary>
    public void LoadPacks() => _packs = policy.Packs;

    /// <summary>Each of them does the next thing. What the platform refuses, because somebody has the vehicle of whom they do not know, they leave alone for a while.</summary>
    public async Task WorkAsync(DateTimeOffset now, CancellationToken ct)
    {
        foreach (var free in _leftAlone.Where(left => left.Value <= now).Select(left => left.Key).ToArray())
            _leftAlone.Remove(free);
        ChargeAtChargers(now);
        for (var member = 0; member < policy.People; member++)
            if (!await SwapAsync(now, ct) && !await BringAsync(now, ct))
                return;
    }

    /// <summary>Support ends a ride for somebody who stands where no ride may end and cannot go on.</summary>
    public async Task EndForAsync(BookingId booking, CancellationToken ct) =>
        (await client.ForceEndAsync(await visitor.TokenAsync(ct), booking, ct)).Require("force_end");

    /// <summary>The provider's outage begins or ends.</summary>
    public async Task SwitchPaymentsAsync(bool down, CancellationToken ct) =>
        (await client.SwitchPaymentsAsync(await visitor.TokenAsync(ct), down, ct)).Require("switch_payments");

    public async ValueTask DisposeAsync() =>
        await Parallel.ForEachAsync(Vehicles, new ParallelOptions { MaxDegreeOfParallelism = AtATime }, async (vehicle, _) =>
        {
            await vehicle.DisposeAsync();
            if (vehicle.Faults.Radio is { } radio)
                await radio.DisposeAsync();
        });

    private async Task<bool> SwapAsync(DateTimeOffset now, CancellationToken ct)
    {
        if (_packs == 0 || Movable().Where(vehicle => vehicle.ChargePercent < policy.SwapBelowPercent).MinBy(vehicle => vehicle.ChargePercent) is not { } emptiest)
            return false;
        var pack = string.Create(CultureInfo.InvariantCulture, $"pack-{platform.City.City.Id}-{Swaps + 1:000000}");
        if (!MayGoOn(await client.SwapBatteryAsync(await visitor.TokenAsync(ct), emptiest.Id, pack, 100, ct), "swap", emptiest, now))
            return true;
        emptiest.Charge(100);
        emptiest.Rest(platform.Clock.GetUtcNow());
        (_packs, Swaps) = (_packs - 1, Swaps + 1);
        return true;
    }

    /// <summary>From the place with most of them to the one where most people found nothing lately.</summary>
    private async Task<bool> BringAsync(DateTimeOffset now, CancellationToken ct)
    {
        _missed.RemoveAll(missed => missed.At < now - policy.RemembersMissed);
        if (!policy.Brings || _missed.GroupBy(missed => (missed.Place, missed.Kind)).MaxBy(group => group.Count())?.Key is not var (wanted, kind))
            return false;
        var crowd = city.Places.Where(place => place != wanted).Select(place => StandingAt(place, kind)).MaxBy(standing => standing.Length) ?? [];
        if (crowd.Length < 2)
            return false;
        var vehicle = crowd.MaxBy(one => one.ChargePercent)!;
        if (!MayGoOn(await client.RelocateAsync(await visitor.TokenAsync(ct), vehicle.Id, wanted.Position, ct), "relocate", vehicle, now))
            return true;
        await vehicle.CarryAsync(wanted.Position, now);
        _missed.Remove(_missed.First(missed => missed.Place == wanted && missed.Kind == kind));
        Relocations++;
        return true;
    }

    private SimulatedVehicle[] StandingAt(Place place, VehicleKind kind) =>
        [.. Movable().Where(vehicle => vehicle.Build.Kind == kind && vehicle.Position.DistanceMetersTo(place.Position) <= PlaceMeters && !HasJustTold(vehicle))];

    /// <summary>Whether it has told in this very instant where it stands; told as of the same time, that and where they bring it could not be told apart.</summary>
    private bool HasJustTold(SimulatedVehicle vehicle) => !platform.IsInRealTime && vehicle.ClockAt - vehicle.Faults.ClockIsAhead >= platform.Clock.GetUtcNow();

    /// <summary>What they can lift, and nobody has.</summary>
    private IEnumerable<SimulatedVehicle> Movable() => Vehicles.Where(vehicle => IsFree(vehicle) && IsSmall(vehicle.Build.Kind) && !_leftAlone.ContainsKey(vehicle.Id));

    private bool MayGoOn(Answer<Nothing> answer, string step, SimulatedVehicle vehicle, DateTimeOffset now)
    {
        if (answer.Ok)
            return true;
        measures.Count($"crew_refused.{step}: {answer.Code}");
        _leftAlone[vehicle.Id] = now + LeftAlone;
        return false;
    }

    /// <summary>Cars and vans charge where they stand.</summary>
    private void ChargeAtChargers(DateTimeOffset now)
    {
        foreach (var vehicle in Vehicles.Where(IsFree).Where(vehicle => !IsSmall(vehicle.Build.Kind) && vehicle.ChargePercent < 100))
            if (city.Bays.Any(bay => bay.Kind == BayKind.Charging && bay.Position.DistanceMetersTo(vehicle.Position) <= ChargerMeters))
            {
                vehicle.Charge((int)Math.Min(100, vehicle.ChargePercent + ChargePercentAJob));
                vehicle.Rest(now);
            }
    }

    /// <summary>On injected time: waits for those that were given back, so that who stands where does not depend on how fast the machine is.</summary>
    public Task BackAsync(IEnumerable<SimulatedVehicle> vehicles) =>
        platform.IsInRealTime ? Task.CompletedTask : Task.WhenAll(vehicles.Where(vehicle => vehicle.IsIdle).Select(vehicle => vehicle.Returning));

    /// <summary>Whether it stands and nobody has it.</summary>
    public static bool IsFree(SimulatedVehicle vehicle) => vehicle.IsIdle && vehicle.Returning.IsCompleted;

    private bool MayBeUnheard(SimulatedVehicle vehicle) =>
        vehicle.IsDead || vehicle.Faults.Radio is not null || (faults.Has(Fault.Crash) && !vehicle.IsConnected);

    /// <summary>Whether it can be carried and has a pack that can be changed.</summary>
    private static bool IsSmall(VehicleKind kind) => kind is VehicleKind.Scooter or VehicleKind.EBike;

    private async Task<SimulatedVehicle> MakeAsync(int number, FleetVehicle wanted, VehicleType type, CancellationToken ct)
    {
        var id = VehicleId.Of(platform.City.City.Id, wanted.Label);
        var token = await visitor.TokenAsync(ct);
        var seen = (await client.GetVehicleAsync(token, id, ct)).Require("vehicle");
        var secret = (await client.IssueDeviceSecretAsync(token, id, ct)).Require("device_secret").Password;
        var wrong = faults.OfVehicle(number, platform.MqttPort);
        var door = new DoorAddress("127.0.0.1", wrong.Radio?.Port ?? platform.MqttPort) { Secret = secret };
        var vehicle = SimulatedVehicle.Start(id, VehicleBuild.Of(type), seen.Position, faults.ChargeOf(number, seen.StateOfChargePercent), platform.Clock, door,
            Path.Combine(folder, wanted.Label), wrong);
        vehicle.Tick();
        return vehicle;
    }
}

/// <summary>How the crew works; what two runs may be compared in.</summary>
public sealed record CrewPolicy
{
    /// <summary>How many work at a time.</summary>
    public int People { get; init; } = 2;

    /// <summary>Charged packs at the begin of a shift.</summary>
    public int Packs { get; init; } = 40;

    /// <summary>Batteries below are swapped.</summary>
    public int SwapBelowPercent { get; init; } = 30;

    /// <summary>Whether they bring vehicles to where people found none.</summary>
    public bool Brings { get; init; } = true;

    /// <summary>For how long they know of it.</summary>
    public TimeSpan RemembersMissed { get; init; } = TimeSpan.FromHours(2);
}
