using System.Diagnostics;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>Where a vehicle is in its life (requirement FLT-1).</summary>
internal enum Phase
{
    None,
    Registered,
    Active,
    OutOfService,
    Retired,
}

internal abstract record VehicleEvent;

internal sealed record VehicleRegistered(
    VehicleId Vehicle, CityId City, string Label, string? Plate, VehicleTypeId Type, VehicleKind Kind, VehicleMode Mode, int MaxRangeMeters,
    int MinimumStateOfChargePercent, GeoPoint Position, int StateOfChargePercent, DateTimeOffset At) : VehicleEvent;

internal sealed record VehicleActivated(DateTimeOffset At) : VehicleEvent;

internal sealed record BatteryInstalled(string Pack, int StateOfChargePercent, DateTimeOffset At) : VehicleEvent;

internal sealed record VehicleDeactivated(string Reason, DateTimeOffset At) : VehicleEvent;

internal sealed record VehicleReactivated(DateTimeOffset At) : VehicleEvent;

internal sealed record VehicleRetired(string Reason, DateTimeOffset At) : VehicleEvent;

/// <summary>The vehicle stands elsewhere now, or with another charge: staff put it there, or a ride ended without a report of its own.</summary>
internal sealed record VehiclePlaced(GeoPoint Position, int? StateOfChargePercent, DateTimeOffset At) : VehicleEvent;

/// <summary>A step of the MDS state machine. A booking that is named keeps the vehicle since then, or gives it back with the step.</summary>
internal sealed record StateChanged(VehicleState From, MdsEvent Event, VehicleState To, BookingId? Booking, DateTimeOffset? Since, DateTimeOffset At) : VehicleEvent;

/// <summary>A booking is over that never had the vehicle here; what still comes of it is old news.</summary>
internal sealed record BookingPassed(BookingId Booking, DateTimeOffset At) : VehicleEvent;

/// <summary>A command goes out: for a booking, or because staff want it (<paramref name="By"/>, <paramref name="Why"/>).</summary>
internal sealed record CommandRequested(
    VehicleCommandId Command, BookingId? Booking, VehicleCommandKind Kind, DateTimeOffset At, DateTimeOffset Deadline, int? SpeedLimitKph = null, AccountId? By = null,
    string? Why = null) : VehicleEvent;

/// <summary>The vehicle was silent until the deadline, refused, or had more commands than it may have: whoever asked is told.</summary>
internal sealed record CommandGivenUp(VehicleCommandId Command, string Reason, DateTimeOffset At) : VehicleEvent;

/// <summary>The vehicle's own word that it did what a command other than unlock and lock asked.</summary>
internal sealed record CommandDone(VehicleCommandId Command, DateTimeOffset MeasuredAt, GeoPoint? Position, DateTimeOffset At) : VehicleEvent;

/// <summary>The vehicle's own word. <paramref name="Booking"/> is that of the command or token it names; <paramref name="Nonce"/> is the token's.</summary>
internal sealed record LockReported(
    VehicleCommandKind Kind, VehicleCommandId? Command, BookingId? Booking, DateTimeOffset MeasuredAt, GeoPoint Position, int StateOfChargePercent, long OdometerMeters,
    long? Sequence, bool Newest, DateTimeOffset At, string? Nonce = null) : VehicleEvent;

internal enum CommandStatus
{
    Pending,
    Obeyed,
    GivenUp,
}

internal sealed record VehicleCommand(
    VehicleCommandId Id, BookingId? Booking, VehicleCommandKind Kind, DateTimeOffset RequestedAt, DateTimeOffset Deadline, CommandStatus Status,
    int? SpeedLimitKph = null);

/// <summary>The booking that has the vehicle, and since when by the platform's clock.</summary>
internal sealed record Occupant(BookingId Booking, DateTimeOffset Since);

/// <summary>A vehicle as its stream says. Has a JSON form, for snapshots.</summary>
internal sealed record Vehicle
{
    /// <summary>Commands, bookings, sequence numbers and nonces that are remembered, so that late repetitions are known.</summary>
    public const int RememberedMax = 8;

    public static readonly Vehicle None = new();

    public VehicleId Id { get; init; }
    public string Label { get; init; } = "";
    public CityId City { get; init; }
    public VehicleTypeId Type { get; init; }
    public VehicleKind Kind { get; init; }
    public int MaxRangeMeters { get; init; }
    public int MinimumStateOfChargePercent { get; init; }
    public VehicleMode Mode { get; init; }
    public Phase Phase { get; init; }
    public VehicleState State { get; init; } = VehicleState.Removed;
    public GeoPoint Position { get; init; }
    public int StateOfChargePercent { get; init; }
    public long OdometerMeters { get; init; }
    public DateTimeOffset MeasuredAt { get; init; }
    public Occupant? Occupant { get; init; }
    public IReadOnlyList<BookingId> PassedBookings { get; init; } = [];
    public IReadOnlyList<VehicleCommand> Commands { get; init; } = [];
    public IReadOnlyList<long> Sequences { get; init; } = [];
    public IReadOnlyList<string> UsedNonces { get; init; } = [];
    public DesiredTwin Desired { get; init; } = DesiredTwin.None;
    public ReportedTwin? Reported { get; init; }
    public Disabling? Disabling { get; init; }

    /// <summary>Rented out to nobody: from the moment that it is decided until the vehicle itself says that it is usable again.</summary>
    public bool IsDisabled() => Desired.IsDisabled || Reported is { IsDisabled: true };

    public bool Knows(BookingId booking) => Occupant?.Booking == booking || PassedBookings.Contains(booking);

    public VehicleCommand? Find(VehicleCommandId? command) => Commands.LastOrDefault(known => known.Id == command);

    public IEnumerable<VehicleCommand> Pending() => Commands.Where(command => command.Status == CommandStatus.Pending);

    public static Vehicle Evolve(Vehicle state, VehicleEvent e) => e switch
    {
        VehicleRegistered registered => state with
        {
            Id = registered.Vehicle,
            Label = registered.Label,
            City = registered.City,
            Type = registered.Type,
            Kind = registered.Kind,
            MaxRangeMeters = registered.MaxRangeMeters,
            MinimumStateOfChargePercent = registered.MinimumStateOfChargePercent,
            Mode = registered.Mode,
            Phase = Phase.Registered,
            Position = registered.Position,
            StateOfChargePercent = registered.StateOfChargePercent,
            MeasuredAt = registered.At,
        },
        VehicleActivated or VehicleReactivated => state with { Phase = Phase.Active },
        VehicleDeactivated => state with { Phase = Phase.OutOfService },
        VehicleRetired => state with { Phase = Phase.Retired },
        BatteryInstalled battery => state with { StateOfChargePercent = battery.StateOfChargePercent },
        VehiclePlaced placed => state with
        {
            Position = placed.Position,
            StateOfChargePercent = placed.StateOfChargePercent ?? state.StateOfChargePercent,
            MeasuredAt = placed.At > state.MeasuredAt ? placed.At : state.MeasuredAt,
        },
        StateChanged step => Step(state, step),
        BookingPassed passed => state with { PassedBookings = Remember(state.PassedBookings, passed.Booking) },
        CommandRequested asked => state with
        {
            Commands = RememberCommand(state.Commands,
                new VehicleCommand(asked.Command, asked.Booking, asked.Kind, asked.At, asked.Deadline, CommandStatus.Pending, asked.SpeedLimitKph)),
        },
        CommandGivenUp given => state with { Commands = Mark(state.Commands, given.Command, CommandStatus.GivenUp) },
        CommandDone done => state with { Commands = Mark(state.Commands, done.Command, CommandStatus.Obeyed) },
        TwinUpdated twin => state with { Desired = twin.Desired ?? state.Desired, Reported = twin.Reported ?? state.Reported },
        DisableAsked asked => state with
        {
            Disabling = new Disabling(asked.Command, asked.By, asked.Why, DisableStage.AwaitingApproval, asked.ApproveUntil ?? asked.At),
        },
        DisableApproved => state,
        StandstillAwaited awaited => state with
        {
            Disabling = (state.Disabling is { } waits && waits.Command == awaited.Command
                ? waits
                : new Disabling(awaited.Command, null, TwinRules.SentAgain, DisableStage.AwaitingStandstill, awaited.Until)) with
            {
                Stage = DisableStage.AwaitingStandstill,
                Until = awaited.Until,
            },
        },
        StandstillSeen or DisableEnded => state with { Disabling = null },
        LockReported report => (report.Newest
            ? state with
            {
                Position = report.Position,
                StateOfChargePercent = report.StateOfChargePercent,
                OdometerMeters = report.OdometerMeters,
                MeasuredAt = report.MeasuredAt,
            }
            : state) with
        {
            Commands = report.Command is { } command ? Mark(state.Commands, command, CommandStatus.Obeyed) : state.Commands,
            Sequences = report.Sequence is { } sequence ? Remember(state.Sequences, sequence) : state.Sequences,
            UsedNonces = report.Nonce is { } nonce ? Remember(state.UsedNonces, nonce) : state.UsedNonces,
        },
        _ => throw new UnreachableException($"{e.GetType().Name} is no event of a vehicle."),
    };

    private static Vehicle Step(Vehicle state, StateChanged step)
    {
        var next = state with { State = step.To };
        if (step.Booking is not { } booking)
            return next;
        return step.To is VehicleState.Reserved or VehicleState.OnTrip or VehicleState.Stopped
            ? next with { Occupant = new Occupant(booking, step.Since ?? state.Occupant?.Since ?? step.At) }
            : next with { Occupant = null, PassedBookings = Remember(state.PassedBookings, booking) };
    }

    private static List<VehicleCommand> Mark(IReadOnlyList<VehicleCommand> commands, VehicleCommandId command, CommandStatus status) =>
        [.. commands.Select(known => known.Id == command ? known with { Status = status } : known)];

    /// <summary>The oldest that wait for nothing are forgotten first: one that is forgotten can neither be answered nor given up.</summary>
    private static List<VehicleCommand> RememberCommand(IReadOnlyList<VehicleCommand> known, VehicleCommand next)
    {
        List<VehicleCommand> commands = [.. known, next];
        while (commands.Count > RememberedMax)
            commands.RemoveAt(Math.Max(0, commands.FindIndex(command => command.Status != CommandStatus.Pending)));
        return commands;
    }

    private static List<T> Remember<T>(IReadOnlyList<T> known, T next) => [.. known.Skip(known.Count - RememberedMax + 1), next];
}

internal static class VehicleStream
{
    /// <summary>A ride is seven events: a snapshot every three rides keeps each load to about ten events of JSON; the load is on every hot path.</summary>
    private const int SnapshotEveryEvents = 20;

    public static readonly StreamType<Vehicle, VehicleEvent> Type = new("vehicle", Vehicle.None, Vehicle.Evolve, new EventCatalog<VehicleEvent>()
        .Add<VehicleRegistered>("vehicle_registered.v1")
        .Add<VehicleActivated>("vehicle_activated.v1")
        .Add<BatteryInstalled>("battery_installed.v1")
        .Add<VehicleDeactivated>("vehicle_deactivated.v1")
        .Add<VehicleReactivated>("vehicle_reactivated.v1")
        .Add<VehicleRetired>("vehicle_retired.v1")
        .Add<VehiclePlaced>("vehicle_placed.v1")
        .Add<StateChanged>("state_changed.v1")
        .Add<BookingPassed>("booking_passed.v1")
        .Add<CommandRequested>("command_requested.v1")
        .Add<CommandGivenUp>("command_given_up.v1")
        .Add<CommandDone>("command_done.v1")
        .Add<LockReported>("lock_reported.v1")
        .Add<TwinUpdated>("twin_updated.v1")
        .Add<DisableAsked>("disable_asked.v1")
        .Add<DisableApproved>("disable_approved.v1")
        .Add<StandstillAwaited>("standstill_awaited.v1")
        .Add<StandstillSeen>("standstill_seen.v1")
        .Add<DisableEnded>("disable_ended.v1"))
    { SnapshotEvery = SnapshotEveryEvents, SnapshotSchema = "2" };
}
