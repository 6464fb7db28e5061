using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Booking;

/// <summary>A booking as its rider sees it.</summary>
internal sealed record BookingView
{
    public required BookingId Id { get; init; }
    public required Phase Phase { get; init; }

    /// <summary>The first booking of the vehicles that this rider uses together.</summary>
    public required BookingId Group { get; init; }
    public required VehicleId Vehicle { get; init; }
    public required VehicleKind Kind { get; init; }
    public required QuoteId Quote { get; init; }
    public required DateTimeOffset ReservedAt { get; init; }

    /// <summary>The vehicle is kept from here.</summary>
    public required DateTimeOffset From { get; init; }

    /// <summary>End of the booked window; absent for an open end.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>The ride is ended without the rider at this time.</summary>
    public required DateTimeOffset MustEndBy { get; init; }

    /// <summary>When what the booking waits for must have happened: confirm, begin, end.</summary>
    public DateTimeOffset? Deadline { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? PausedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    public required IReadOnlyList<RidePause> Pauses { get; init; }
    public long? DistanceMeters { get; init; }

    /// <summary>Last known place of the vehicle during this booking.</summary>
    public required GeoPoint Position { get; init; }
    public int? StateOfChargePercent { get; init; }
    public required Tariff Tariff { get; init; }
    public required Money Estimate { get; init; }
    public required Money HoldAmount { get; init; }

    /// <summary>What the ride would cost if it ended now.</summary>
    public Charge? CostSoFar { get; init; }
    public Charge? Charge { get; init; }
    public string? InvoiceNumber { get; init; }

    /// <summary>Where the rider proves to the bank that it is them.</summary>
    public string? ActionUrl { get; init; }
    public ReleaseReason? ReleaseReason { get; init; }
    public string? ReleaseDetail { get; init; }
    public required IReadOnlyList<RideFlag> Flags { get; init; }

    /// <summary>What the rider can do now: the last part of the path to POST to, or <c>authenticate</c> at the action URL.</summary>
    public required IReadOnlyList<string> Next { get; init; }

    public static BookingView Of(BookingState state, DateTimeOffset now) => new()
    {
        Id = state.Facts.Booking,
        Phase = state.Phase,
        Group = state.Facts.Group,
        Vehicle = state.Facts.Vehicle,
        Kind = state.Facts.Kind,
        Quote = state.Facts.Quote,
        ReservedAt = state.Facts.At,
        From = state.Facts.From,
        Until = state.WindowEnd,
        MustEndBy = state.MustEndBy,
        Deadline = Deadlines.NextOf(state),
        StartedAt = state.Start?.At,
        PausedAt = state.PausedAt,
        EndedAt = state.Usage?.EndedAt,
        Pauses = state.Pauses,
        DistanceMeters = state.Usage?.DistanceMeters,
        Position = state.Position,
        StateOfChargePercent = state.StateOfChargePercent,
        Tariff = state.Facts.Tariff,
        Estimate = state.Facts.Estimate,
        HoldAmount = state.Facts.HoldAmount,
        Charge = state.Charge,
        InvoiceNumber = state.Settlement?.InvoiceNumber,
        ActionUrl = state.ActionUrl,
        ReleaseReason = state.Release?.Reason,
        ReleaseDetail = state.Release?.Detail,
        Flags = state.Flags,
        Next = NextOf(state, now),
    };

    private static IReadOnlyList<string> NextOf(BookingState state, DateTimeOffset now) => state.Phase switch
    {
        Phase.Held => state.IsWindow ? ["confirm", "cancel", "extend"] : ["confirm", "cancel"],
        Phase.Confirming => state.ActionUrl is null ? ["cancel"] : ["authenticate", "cancel"],
        Phase.Confirmed when !state.IsWindow => ["unlock", "cancel"],
        Phase.Confirmed => now >= state.Facts.From ? ["unlock", "cancel", "extend"] : ["cancel", "extend"],
        Phase.Riding => state.IsWindow ? ["pause", "end", "extend"] : ["pause", "end"],
        Phase.Paused => state.IsWindow ? ["resume", "end", "extend"] : ["resume", "end"],
        Phase.Pausing or Phase.Resuming => ["end"],
        _ => [],
    };
}
