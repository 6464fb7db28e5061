using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>A vehicle that is to be disabled stands, by its own newest reports.</summary>
internal static class OnVehicleStands
{
    public static async Task Handle(VehicleStandsV1 e, Reaction reaction, CancellationToken ct)
    {
        var vehicle = (await reaction.Work.LoadAsync(VehicleStream.Type, e.Vehicle.Value, ct)).State;
        var options = reaction.Services.GetRequiredService<IOptions<FleetOptions>>().Value;
        await CommandNews.AppendAsync(reaction.Work, e.Vehicle, DisableVehicle.OnStandstill(vehicle, e.Command, e.At, options, reaction.Now).Events, ct);
    }
}
