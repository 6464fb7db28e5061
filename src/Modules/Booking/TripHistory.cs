using Mobility.Platform.Events;

namespace Mobility.Booking;

/// <summary>Completed rides; an asynchronous view, so its table may lag behind the events and the lag is a metric.</summary>
internal static class TripHistory
{
    public static readonly View View = new("trips", ["trips"], [BookingStream.Type.Name], Exact: false, Apply);

    private static void Apply(ViewEvent stored, AddStatement add)
    {
        switch ((BookingEvent)stored.Event)
        {
            case RideEnded e:
                add("""
                    INSERT INTO trips (booking_id, rider_id, vehicle_id, city_id, started_at, ended_at, distance_meters) VALUES ($1, $2, $3, $4, $5, $6, $7)
                    ON CONFLICT (booking_id) DO NOTHING
                    """, stored.Stream, e.Rider.Value, e.Vehicle.Value, e.City.Value, e.Usage.StartedAt, e.Usage.EndedAt, e.Usage.DistanceMeters);
                break;
            case ChargeKnown e:
                // Touches nothing when a fee is due without a ride.
                add("UPDATE trips SET charged = $2, currency = $3 WHERE booking_id = $1", stored.Stream, e.Charge.Total.Amount, e.Charge.Total.Currency.Code);
                break;
        }
    }
}
