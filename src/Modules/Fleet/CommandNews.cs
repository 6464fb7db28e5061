using Mobility.Contracts;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>What follows from events around commands, whoever caused them: a command is sent and has a deadline, and who asked hears that it was given up.</summary>
internal static class CommandNews
{
    public static async ValueTask<Vehicle> AppendAsync(Work work, VehicleId id, IReadOnlyList<VehicleEvent> events, CancellationToken ct)
    {
        var before = (await work.LoadAsync(VehicleStream.Type, id.Value, ct)).State; // loaded by the caller already
        var after = await VehicleNews.AppendAsync(work, id, events, ct);
        foreach (var e in events)
            Follow(work, id, before, after, e);
        return after;
    }

    private static void Follow(Work work, VehicleId id, Vehicle before, Vehicle after, VehicleEvent e)
    {
        switch (e)
        {
            case CommandRequested asked:
                work.Schedule(asked.Deadline, asked.Command.Value, new CommandTimeout(id, asked.Command));
                VehicleGateway.Send(work, id, after.Find(asked.Command)!);
                break;
            case CommandGivenUp given:
                GiveUpCommand.Announce(work, id, before.Find(given.Command)!, given);
                work.Unschedule<CommandTimeout>(given.Command.Value);
                break;
            case CommandDone done:
                work.Unschedule<CommandTimeout>(done.Command.Value);
                break;
        }
    }
}
