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
/// <param name="folder">For the vehicles' own folders.</param>
internal sealed class CityCrew(
    PlatformClient client, PlatformHandle platform, Visitor visitor, CityOfPlaces city, FaultPlan faults, CrewPolicy policy, string folder) : IAsyncDisposable
{
    private const int AtATime = 8;
    private const double PlaceMeters = 250;
    private const double ChargerMeters = 60;
    private const int ChargePercentAJob = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HeardWithin = TimeSpan.FromSeconds(10);
    private readonly Dictionary<VehicleId, SimulatedVehicle> _byId = [];
    private readonly List<(Place Place, DateTimeOffset At)> _missed = [];
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

    /// <summary>Somebody found nothing near a place; the crew hears of it.</summary>
    public void Hear(GeoPoint from, DateTimeOffset at) => _missed.Add((city.Places.MinBy(place => place.Position.DistanceMetersTo(from))!, at));

    /// <summary>A shift begins: the vans have charged packs again.</summary>
    public void LoadPacks() => _packs = policy.Packs;

    /// <summary>Each of them does the next thing.</summary>
    public async Task WorkAsync(DateTimeOffset now, CancellationToken ct)
    {
        ChargeAtChargers(now);
        for (var member = 0; member < policy.People; member++)
            if (!await SwapAsync(ct) && !await BringAsync(now, ct))
                return;
    }

    /// <summary>Support ends a ride for somebody who stands where no ride may end and cannot go on.</summary>
    public async Task EndForAsync(BookingId booking, CancellationToken ct) =>
        (await client.ForceEndAsync(await visitor.TokenAsync(ct), booking, ct)).Require("force_end");

    /// <summary>The provider's outage begins or ends.</summary>
    public async Task SwitchPaymentsAsync(bool down, CancellationToken ct) =>
        Require(await client.SwitchPaymentsAsync(await visitor.TokenAsync(ct), down, ct), "switch_payments");

    public async ValueTask DisposeAsync() =>
        await Parallel.ForEachAsync(Vehicles, new ParallelOptions { MaxDegreeOfParallelism = AtATime }, async (vehicle, _) =>
        {
            await vehicle.DisposeAsync();
            if (vehicle.Faults.Radio is { } radio)
                await radio.DisposeAsync();
        });

    private async Task<bool> SwapAsync(CancellationToken ct)
    {
        if (_packs == 0 || Vehicles.Where(IsFree).Where(HasPack).Where(vehicle => vehicle.ChargePercent < policy.SwapBelowPercent)
            .MinBy(vehicle => vehicle.ChargePercent) is not { } emptiest)
            return false;
        var pack = string.Create(CultureInfo.InvariantCulture, $"pack-{platform.City.City.Id}-{Swaps + 1:000000}");
        Require(await client.SwapBatteryAsync(await visitor.TokenAsync(ct), emptiest.Id, pack, 100, ct), "swap");
        emptiest.Charge(100);
        emptiest.Rest(platform.Clock.GetUtcNow());
        (_packs, Swaps) = (_packs - 1, Swaps + 1);
        return true;
    }

    /// <summary>From the place with most of them to the one where most people found nothing lately.</summary>
    private async Task<bool> BringAsync(DateTimeOffset now, CancellationToken ct)
    {
        _missed.RemoveAll(missed => missed.At < now - policy.RemembersMissed);
        if (!policy.Brings || _missed.GroupBy(missed => missed.Place).MaxBy(group => group.Count())?.Key is not { } wanted)
            return false;
        var crowd = city.Places.Where(place => place != wanted).Select(place => (Place: place, Standing: StandingAt(place))).MaxBy(c => c.Standing.Length);
        if (crowd.Standing.Length < 2)
            return false;
        var vehicle = crowd.Standing.MaxBy(one => one.ChargePercent)!;
        Require(await client.RelocateAsync(await visitor.TokenAsync(ct), vehicle.Id, wanted.Position, ct), "relocate");
        await vehicle.CarryAsync(wanted.Position, now);
        _missed.Remove(_missed.First(missed => missed.Place == wanted));
        Relocations++;
        return true;
    }

    private SimulatedVehicle[] StandingAt(Place place) =>
        [.. Vehicles.Where(IsFree).Where(HasPack).Where(vehicle => vehicle.Position.DistanceMetersTo(place.Position) <= PlaceMeters)];

    /// <summary>Cars and vans charge where they stand.</summary>
    private void ChargeAtChargers(DateTimeOffset now)
    {
        foreach (var vehicle in Vehicles.Where(IsFree).Where(vehicle => !HasPack(vehicle) && vehicle.ChargePercent < 100))
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

    private static bool HasPack(SimulatedVehicle vehicle) => vehicle.Build.Kind is VehicleKind.Scooter or VehicleKind.EBike;

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

    private static void Require(Answer<Nothing> answer, string step)
    {
        if (!answer.Ok)
            throw new RefusedException(step, answer.Code!, answer.Detail);
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
