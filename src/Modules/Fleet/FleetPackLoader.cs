using Mobility.Contracts;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>Takes vehicle types and vehicles from a city pack. A vehicle that is known already lives its own life and is left alone.</summary>
internal sealed class FleetPackLoader(CommandRunner<FleetModule> runner) : IPackLoader
{
    /// <summary>Vehicles of one transaction: registration and activation are at most five events with a view row each.</summary>
    private const int VehiclesPerWork = 300;

    private const int RacesMax = 3;
    private const string Actor = "fleet.pack";

    public string Section => "vehicle types and fleet";

    public async Task LoadAsync(CityPack pack, CancellationToken ct)
    {
        await CommitAsync(work =>
        {
            foreach (var type in pack.VehicleTypes)
                VehicleTypes.Store(work, pack.City.Id, type);
            return Task.CompletedTask;
        }, ct);
        var types = pack.VehicleTypes.ToDictionary(type => type.Id);
        foreach (var vehicles in pack.Fleet.Chunk(VehiclesPerWork))
            await CommitAsync(async work =>
            {
                await work.PrefetchAsync(VehicleStream.Type, [.. vehicles.Select(vehicle => VehicleId.Of(pack.City.Id, vehicle.Label).Value)], ct);
                foreach (var vehicle in vehicles)
                    await BringAsync(work, pack.City.Id, types[vehicle.VehicleTypeId], vehicle, ct);
            }, ct);
    }

    private static async Task BringAsync(Work work, CityId city, VehicleType type, FleetVehicle vehicle, CancellationToken ct)
    {
        var id = VehicleId.Of(city, vehicle.Label);
        var (state, version) = await work.LoadAsync(VehicleStream.Type, id.Value, ct);
        if (version > 0)
            return;
        var registered = new VehicleRegistered(id, city, vehicle.Label, vehicle.Plate, type.Id, type.Kind, type.Mode, type.MaxRangeMeters,
            type.MinimumStateOfChargePercent, vehicle.Position, vehicle.StateOfChargePercent, work.Now);
        var activated = ChangeLifecycle.Decide(Vehicle.Evolve(state, registered), Move.Activate, "", work.Now).Events;
        await VehicleNews.AppendAsync(work, id, [registered, .. activated], ct);
    }

    private async Task CommitAsync(Func<Work, Task> collect, CancellationToken ct)
    {
        for (var race = 1; ; race++)
        {
            var work = runner.NewWork(Actor);
            await collect(work);
            var result = await work.CommitAsync(ct);
            if (result.Outcome == CommitOutcome.Committed)
                return;
            if (race == RacesMax)
                throw new InvalidOperationException($"Loading the fleet ended as {result.Outcome}.");
        }
    }
}
