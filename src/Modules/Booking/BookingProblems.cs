using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Booking;

/// <summary>Every refusal of this module; the codes are stable and documented here.</summary>
internal static class BookingProblems
{
    /// <summary>There is no such booking for this caller.</summary>
    public static readonly Problem NotFound = Problem.NotFound("booking.not_found", "There is no such booking.");

    /// <summary>There is no such quote for this caller.</summary>
    public static readonly Problem QuoteNotFound = new(ProblemKind.NotFound, "booking.quote_not_found", "There is no such quote.", "quoteId");

    public static readonly Problem QuoteExpired =
        Problem.Unprocessable("booking.quote_expired", "The quote has expired; ask for a new one.", "quoteId");

    /// <summary>Cars and vans are booked from a time until a time.</summary>
    public static readonly Problem WindowNeeded =
        Problem.Unprocessable("booking.window_needed", "A car or van is booked for a window; ask for a quote with from and until.", "quoteId");

    public static Problem WindowInvalid(string sentence) => Problem.Unprocessable("booking.window_invalid", sentence, "quoteId");

    public static readonly Problem VehicleTaken = Problem.Conflict("booking.vehicle_taken", "This vehicle is held at that time.");

    public static readonly Problem RiderBusy = Problem.Conflict("booking.rider_busy", "You hold another vehicle at that time.");

    public static readonly Problem GroupNotFound =
        Problem.Unprocessable("booking.group_not_found", "The booking to ride with is not one of your open bookings.", "groupWith");

    public static readonly Problem GroupFull = Problem.Conflict("booking.group_full", $"A group has at most {ReserveVehicle.GroupMax} vehicles.");

    public static readonly Problem Expired = Problem.Conflict("booking.expired", "The time to do this is over.");

    public static readonly Problem VehicleOut = Problem.Conflict("booking.vehicle_out_of_service", "This vehicle is not in service.");

    public static readonly Problem TooEarly = Problem.Conflict("booking.too_early", "The booked window has not begun.");

    public static readonly Problem OtherRide = Problem.Conflict("booking.other_ride_active", "End your other ride first.");

    public static readonly Problem VehicleNotBack =
        Problem.Conflict("booking.vehicle_not_back", "The rider before you has not returned the vehicle; you can wait or cancel free of charge.");

    public static readonly Problem StartNotAllowed =
        Problem.Conflict("booking.start_not_allowed", "No ride may begin where this vehicle stands; take another one nearby.");

    /// <summary>The list is a member of the problem; the same request with the member <c>safetyChecklist</c> confirms it.</summary>
    public static Problem SafetyChecklistNeeded(SafetyChecklist list) => Problem.Unprocessable("booking.safety_checklist_needed",
        "Confirm the safety checklist once: show the items and send the request again with safetyChecklist true.", "safetyChecklist") with
    {
        Extensions = new Dictionary<string, object?> { ["checklist"] = list },
    };

    /// <summary>The nearest bays where the ride may end are a member of the problem.</summary>
    public static Problem ParkingNotAllowed(ParkingRuling ruling) => Problem.Conflict("booking.parking_not_allowed", ruling switch
    {
        { Bays.Count: 0 } => "No ride may end here; the map shows where it may.",
        { BayNeeded: true } => "Rides end in a bay here; the nearest are in bays.",
        _ => "No ride may end here; the nearest bays are in bays.",
    }) with
    {
        Extensions = new Dictionary<string, object?> { ["bays"] = ruling.Bays },
    };

    /// <summary>The booking's phase does not allow what was asked; the phase is a member of the problem.</summary>
    public static Problem WrongPhase(BookingState state, string verb)
    {
        var phase = JsonNamingPolicy.SnakeCaseLower.ConvertName(state.Phase.ToString());
        return Problem.Conflict("booking.wrong_phase", $"A booking that is {phase} cannot be {verb}.") with
        {
            Extensions = new Dictionary<string, object?> { ["phase"] = phase },
        };
    }
}
