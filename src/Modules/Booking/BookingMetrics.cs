using System.Diagnostics.Metrics;

namespace Mobility.Booking;

/// <summary>How bookings fare: conversion is confirmed over reserved (requirement BKG-9). Counted when decided; a lost race counts again.</summary>
internal static class BookingMetrics
{
    private static readonly Meter Meter = new("Mobility.Booking");

    private static readonly Counter<long> Reserved =
        Meter.CreateCounter<long>("mobility.booking.reserved", "{booking}", "Vehicles that were held.");
    private static readonly Counter<long> Confirmed =
        Meter.CreateCounter<long>("mobility.booking.confirmed", "{booking}", "Bookings that were paid for in advance.");
    private static readonly Counter<long> Released =
        Meter.CreateCounter<long>("mobility.booking.released", "{booking}", "Bookings that ended without a ride, by reason.");
    private static readonly Counter<long> Ended =
        Meter.CreateCounter<long>("mobility.booking.rides_ended", "{ride}", "Rides that ended, by what was not as it should be.");
    private static readonly Histogram<double> TimeToBook =
        Meter.CreateHistogram<double>("mobility.booking.time_to_book", "s", "From the hold to the confirmation.");

    public static void Count(BookingState state, BookingEvent e)
    {
        switch (e)
        {
            case VehicleReserved:
                Reserved.Add(1, new KeyValuePair<string, object?>("kind", BookingsView.Word(state.Facts.Kind)));
                break;
            case BookingConfirmed confirmed:
                Confirmed.Add(1);
                TimeToBook.Record((confirmed.At - state.Facts.At).TotalSeconds);
                break;
            case BookingReleased released:
                Released.Add(1, new KeyValuePair<string, object?>("reason", BookingsView.Word(released.Reason)));
                break;
            case RideEnded ended:
                Ended.Add(1, new KeyValuePair<string, object?>("flag", ended.Flag is { } flag ? BookingsView.Word(flag) : "none"));
                break;
        }
    }
}
