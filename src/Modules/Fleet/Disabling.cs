using Mobility.Contracts;

namespace Mobility.Fleet;

internal enum DisableStage
{
    /// <summary>A second person must agree: cars and vans.</summary>
    AwaitingApproval,
    /// <summary>Decided; the command goes out when the vehicle stands.</summary>
    AwaitingStandstill,
}

/// <summary>A command to disable that has not gone out.</summary>
internal sealed record Disabling(VehicleCommandId Command, AccountId? AskedBy, string? Why, DisableStage Stage, DateTimeOffset Until);

/// <summary>Somebody wants the vehicle disabled; a second person must agree until <paramref name="ApproveUntil"/>, if there is one.</summary>
internal sealed record DisableAsked(VehicleCommandId Command, AccountId By, string Why, DateTimeOffset? ApproveUntil, DateTimeOffset At) : VehicleEvent;

internal sealed record DisableApproved(VehicleCommandId Command, AccountId By, string? Why, DateTimeOffset At) : VehicleEvent;

/// <summary>The command goes out when the vehicle has stood for a while, or is locked.</summary>
internal sealed record StandstillAwaited(VehicleCommandId Command, TimeSpan StandsFor, DateTimeOffset Until, DateTimeOffset At) : VehicleEvent;

internal sealed record StandstillSeen(VehicleCommandId Command, DateTimeOffset MeasuredAt, DateTimeOffset At) : VehicleEvent;

/// <summary>The command never goes out: nobody agreed, the vehicle did not stand, or it was taken back.</summary>
internal sealed record DisableEnded(VehicleCommandId Command, string Reason, AccountId? By, DateTimeOffset At) : VehicleEvent;
