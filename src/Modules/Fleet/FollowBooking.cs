using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>The plumbing of the reactions that let a vehicle follow its booking: load, decide, append. A step that MDS forbids is counted, not thrown.</summary>
internal static partial class FollowBooking
{
    public static async Task RunAsync(Reaction reaction, VehicleId vehicle, BookingId booking, Move move, CancellationToken ct)
    {
        var loaded = await reaction.Work.LoadAsync(VehicleStream.Type, vehicle.Value, ct);
        var decision = Occupancy.Decide(loaded.State, booking, move, reaction.Message.At, reaction.Now);
        if (decision.Problem is null)
        {
            if (decision.Events.Count > 0)
                await VehicleNews.AppendAsync(reaction.Work, vehicle, decision.Events, ct);
            return;
        }
        FleetMetrics.RefusedMoves.Add(1, new KeyValuePair<string, object?>("move", Words<Move>.Of(move)));
        LogRefused(reaction.Services.GetRequiredService<ILogger<FleetModule>>(), vehicle, booking, Words<Move>.Of(move), Words<VehicleState>.Of(loaded.State.State));
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Warning, Message = "{Vehicle} cannot follow {Booking}: no {Move} in the state {State}.")]
    private static partial void LogRefused(ILogger log, VehicleId vehicle, BookingId booking, string move, string state);
}
