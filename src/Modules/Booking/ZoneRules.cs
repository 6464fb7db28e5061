using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Booking;

/// <summary>
/// What the zones of the city say about beginning and ending a ride. A rule that nobody can tell right now binds nobody: without an answer a ride begins and
/// ends, and Zones is not asked again for a moment, so that its silence holds up no other ride.
/// </summary>
internal sealed class ZoneRules(IAsk ask, TimeProvider clock)
{
    public static readonly TimeSpan LeftAloneFor = TimeSpan.FromSeconds(10);

    private long _askAgainAt = long.MinValue;

    /// <summary>Why a ride may not begin where the vehicle stands; null when it may.</summary>
    public async Task<Problem?> WhyNotStartAsync(CityId city, VehicleTypeId type, GeoPoint place, CancellationToken ct) =>
        await AskAsync(new GetZoneRule(city, place, type), ct) is { Rule.RideStartAllowed: false } ? BookingProblems.StartNotAllowed : null;

    /// <summary>Why a ride may not end at a place, with the nearest bays in which it may; null when it may.</summary>
    public async Task<Problem?> WhyNotEndAsync(VehicleReserved facts, GeoPoint place, CancellationToken ct) =>
        await AskAsync(new GetParking(facts.City, place, facts.Type, facts.Kind), ct) is { Allowed: false } ruling
            ? BookingProblems.ParkingNotAllowed(ruling)
            : null;

    /// <summary>
    /// Where the vehicle is by now, as Fleet last heard of it; null when that is nothing newer than what the booking knows, since a vehicle is no longer where
    /// its ride began.
    /// </summary>
    public async Task<GeoPoint?> NewerPlaceAsync(BookingState state, CancellationToken ct)
    {
        try
        {
            return await ask.AskAsync(new GetVehicle(state.Facts.Vehicle), ct) is { } vehicle && vehicle.Position != state.Position ? vehicle.Position : null;
        }
        catch (PeerUnavailableException)
        {
            return null;
        }
    }

    private async Task<TAnswer?> AskAsync<TAnswer>(IContractQuery<TAnswer> question, CancellationToken ct) where TAnswer : class
    {
        if (clock.GetTimestamp() < Interlocked.Read(ref _askAgainAt))
            return null;
        try
        {
            return await ask.AskAsync(question, ct);
        }
        catch (PeerUnavailableException)
        {
            Interlocked.Exchange(ref _askAgainAt, clock.GetTimestamp() + (long)(LeftAloneFor.TotalSeconds * clock.TimestampFrequency));
            return null;
        }
    }
}
