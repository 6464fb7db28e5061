using System.Text.Json;
using Mobility.Platform.Events;

namespace Mobility.Booking;

/// <summary>
/// Law 1 as a table: a row while a vehicle is kept for a rider. Its exclusion constraints refuse whatever would sell a vehicle or a rider's time twice.
/// </summary>
internal static class HoldsView
{
    public static readonly View View = new("holds", ["holds"], [BookingStream.Type.Name], Exact: true, Apply);

    private static void Apply(ViewEvent stored, AddStatement add)
    {
        switch ((BookingEvent)stored.Event)
        {
            case VehicleReserved e:
                add("INSERT INTO holds (booking_id, vehicle_id, rider_id, group_id, period) VALUES ($1, $2, $3, $4, tstzrange($5, $6))",
                    stored.Stream, e.Vehicle.Value, e.Rider.Value, e.Group.Value, e.From, e.Until);
                break;
            case WindowExtended e:
                Prolong(e.Until);
                break;
            case OvertimeGranted e:
                Prolong(e.Until);
                break;
            case RideEnded or BookingReleased:
                add("DELETE FROM holds WHERE booking_id = $1", stored.Stream);
                break;
        }

        void Prolong(DateTimeOffset until) =>
            add("UPDATE holds SET period = tstzrange(lower(period), $2) WHERE booking_id = $1", stored.Stream, until);
    }
}

/// <summary>One row per booking, for lists. The two moments when only a vehicle or a bank is waited for are phases of the stream, not of the list.</summary>
internal static class BookingsView
{
    public static readonly View View = new("bookings", ["bookings"], [BookingStream.Type.Name], Exact: true, Apply);

    private static void Apply(ViewEvent stored, AddStatement add)
    {
        var id = stored.Stream;
        switch ((BookingEvent)stored.Event)
        {
            case VehicleReserved e:
                add("""
                    INSERT INTO bookings (booking_id, rider_id, group_id, vehicle_id, city_id, kind, phase, reserved_at, from_at, window_end)
                    VALUES ($1, $2, $3, $4, $5, $6, 'held', $7, $8, $9)
                    """, id, e.Rider.Value, e.Group.Value, e.Vehicle.Value, e.City.Value, Word(e.Kind), e.At, e.From, Instant(e.WindowEnd));
                break;
            case BookingConfirmed:
                add("UPDATE bookings SET phase = 'confirmed' WHERE booking_id = $1", id);
                break;
            case WindowExtended e:
                add("UPDATE bookings SET window_end = $2 WHERE booking_id = $1", id, e.Until);
                break;
            case RideStarted e:
                add("UPDATE bookings SET phase = 'riding', started_at = $2 WHERE booking_id = $1", id, e.At);
                break;
            case RidePaused:
                add("UPDATE bookings SET phase = 'paused' WHERE booking_id = $1", id);
                break;
            case RideResumed:
                add("UPDATE bookings SET phase = 'riding' WHERE booking_id = $1", id);
                break;
            case RideEnded e:
                add("UPDATE bookings SET phase = 'ended', ended_at = $2, distance_meters = $3, freed_at = $4 WHERE booking_id = $1",
                    id, e.Usage.EndedAt, e.Usage.DistanceMeters, e.At);
                break;
            case BookingReleased e:
                add("UPDATE bookings SET phase = 'released', release_reason = $2, fee_due = $3, freed_at = $4 WHERE booking_id = $1",
                    id, Word(e.Reason), e.FeeDue, e.At);
                break;
            case ChargeKnown e:
                add("UPDATE bookings SET charged = $2, currency = $3 WHERE booking_id = $1", id, e.Charge.Total.Amount, e.Charge.Total.Currency.Code);
                break;
            case BookingSettled e:
                add("UPDATE bookings SET phase = CASE phase WHEN 'released' THEN phase ELSE 'settled' END, invoice_number = $2 WHERE booking_id = $1",
                    id, e.InvoiceNumber);
                break;
        }
    }

    public static string Word<T>(T value) where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    /// <summary>A parameter whose type is known even when it is null.</summary>
    private static Npgsql.NpgsqlParameter Instant(DateTimeOffset? at) =>
        new() { Value = at is { } instant ? instant.ToUniversalTime() : DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz };
}
