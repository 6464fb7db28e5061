using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>
/// What follows from events around commands, whoever caused them: a command is sent and has a deadline, who asked hears that it was given up, and whoever hears the
/// vehicle is asked to look for a standstill.
/// </summary>
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

    public static Resending NewResending(Work work, FleetOptions options) =>
        new(Id.New<VehicleCommandId>(work.Clock), Id.New<VehicleCommandId>(work.Clock), options, work.Now);

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
            case DisableAsked { ApproveUntil: { } until } asked:
                work.Schedule(until, asked.Command.Value, new DisableTimeout(id, asked.Command));
                break;
            case StandstillAwaited awaited:
                work.Schedule(awaited.Until, awaited.Command.Value, new DisableTimeout(id, awaited.Command));
                work.Publish(id.Value, new StandstillWantedV1(id, awaited.Command, awaited.StandsFor, awaited.Until));
                break;
            case StandstillSeen seen:
                work.Unschedule<DisableTimeout>(seen.Command.Value);
                break;
            case DisableEnded ended:
                work.Unschedule<DisableTimeout>(ended.Command.Value);
                break;
        }
    }
}
