using Mobility.Contracts;
using Mobility.Geo;

namespace Mobility.Fleet;

/// <summary>How far a command is.</summary>
internal enum CommandPhase
{
    /// <summary>To disable a car or a van: a second person must agree.</summary>
    AwaitingApproval,
    /// <summary>To disable: the vehicle must stand before it goes out.</summary>
    AwaitingStandstill,
    /// <summary>It went out and the vehicle has time until the deadline.</summary>
    Sent,
    /// <summary>The vehicle did it.</summary>
    Done,
    /// <summary>It is over without; the last step says why.</summary>
    GivenUp,
}

/// <summary>One step of a command: what, when, and, where somebody decided it, who and why.</summary>
internal sealed record CommandStep(string What, DateTimeOffset At, AccountId? By, string? Why);

/// <summary>A command as its events tell it.</summary>
/// <param name="Id">The command.</param>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Kind">What is asked of it.</param>
/// <param name="Phase">How far it is.</param>
/// <param name="SpeedLimitKph">For a speed limit: km/h, absent to lift it.</param>
/// <param name="Booking">For which it was asked; absent for a command of staff.</param>
/// <param name="Deadline">Until when the vehicle may obey; absent before it went out.</param>
/// <param name="Position">Where the vehicle was when it answered, if it said.</param>
/// <param name="Steps">In the order in which they happened.</param>
internal sealed record CommandStateView(
    VehicleCommandId Id, VehicleId Vehicle, VehicleCommandKind Kind, CommandPhase Phase, int? SpeedLimitKph, BookingId? Booking, DateTimeOffset? Deadline, GeoPoint? Position,
    IReadOnlyList<CommandStep> Steps)
{
    /// <summary>Null when none of the events begins the command.</summary>
    public static CommandStateView? Of(VehicleId vehicle, VehicleCommandId command, IEnumerable<VehicleEvent> events) =>
        events.Aggregate((CommandStateView?)null, (view, e) => Next(view, vehicle, command, e));

    private static CommandStateView? Next(CommandStateView? view, VehicleId vehicle, VehicleCommandId command, VehicleEvent e) => e switch
    {
        CommandRequested asked when asked.Command == command =>
            ((view ?? Begin(vehicle, command, asked.Kind)) with { SpeedLimitKph = asked.SpeedLimitKph, Booking = asked.Booking, Deadline = asked.Deadline })
                .Step(CommandPhase.Sent, "sent", asked.At, asked.By, asked.Why),
        DisableAsked asked when asked.Command == command =>
            Begin(vehicle, command, VehicleCommandKind.Disable).Step(CommandPhase.AwaitingApproval, "asked", asked.At, asked.By, asked.Why),
        DisableApproved approved when approved.Command == command => view?.Step(view.Phase, "approved", approved.At, approved.By, approved.Why),
        StandstillAwaited awaited when awaited.Command == command =>
            (view ?? Begin(vehicle, command, VehicleCommandKind.Disable)).Step(CommandPhase.AwaitingStandstill, "standstill_awaited", awaited.At, null, null),
        StandstillSeen seen when seen.Command == command => view?.Step(view.Phase, "standstill_seen", seen.At, null, null),
        DisableEnded ended when ended.Command == command => view?.Step(CommandPhase.GivenUp, "given_up", ended.At, ended.By, ended.Reason),
        CommandGivenUp given when given.Command == command => view?.Step(CommandPhase.GivenUp, "given_up", given.At, null, given.Reason),
        CommandDone done when done.Command == command => (view is null ? null : view with { Position = done.Position })?.Step(CommandPhase.Done, "done", done.At, null, null),
        LockReported report when report.Command == command =>
            (view is null ? null : view with { Position = report.Position })?.Step(CommandPhase.Done, "done", report.At, null, null),
        _ => view,
    };

    private static CommandStateView Begin(VehicleId vehicle, VehicleCommandId command, VehicleCommandKind kind) =>
        new(command, vehicle, kind, CommandPhase.Sent, null, null, null, null, []);

    private CommandStateView Step(CommandPhase phase, string what, DateTimeOffset at, AccountId? by, string? why) =>
        this with { Phase = phase, Steps = [.. Steps, new CommandStep(what, at, by, why)] };
}
