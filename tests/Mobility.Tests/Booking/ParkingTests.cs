using System.Net;
using Mobility.Booking;
using Mobility.Geo;
using Mobility.Tests.Support;
using Mobility.Tests.Targets;
using static Mobility.Tests.Bookings.Examples;

namespace Mobility.Tests.Bookings;

/// <summary>What the zones of the city say about beginning and ending a ride, in one process.</summary>
public sealed class ParkingTests(BookingPlatform platform) : ParkingScenarios(platform), IClassFixture<BookingPlatform>;

/// <summary>The same when Zones runs in another process.</summary>
public sealed class ParkingOnTwoProcessesTests(SplitPlatform platform) : ParkingScenarios(platform), IClassFixture<SplitPlatform>;

/// <summary>In the town rides end in bays, one of which is for scooters; in its park they neither begin nor end; in the country around they may do either.</summary>
public abstract class ParkingScenarios(BookingPlatform platform)
{
    private static readonly GeoPoint Country = new(50.02, 10.003);
    private static readonly GeoPoint Street = new(50.001, 10.001);
    private static readonly GeoPoint Gate = new(50.00501, 10.0001); // some meters beside the bay's middle
    private static readonly GeoPoint Park = new(50.003, 10.003);

    [Fact, Trait("Req", "BKG-6")]
    public async Task A_ride_does_not_end_in_the_park_but_the_rider_learns_where_it_may()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync(place: Country));
        var booking = await BookingPlatform.RideAsync(rider, vehicle);
        await platform.PassAsync(5);
        var refused = await Replies.RefusedAsync(
            await rider.PostAsync($"/v1/bookings/{booking}/end", new { position = Park }), HttpStatusCode.Conflict, "booking.parking_not_allowed");
        var bay = refused.GetProperty("bays").EnumerateArray().ShouldHaveSingleItem(); // the depot takes no scooters
        (bay.GetProperty("id").GetString(), bay.GetProperty("name").GetString(), bay.GetProperty("distanceMeters").GetInt32()).ShouldBe(("north", "North Gate", 309));
        var inStreet = await Replies.RefusedAsync(
            await rider.PostAsync($"/v1/bookings/{booking}/end", new { position = Street }), HttpStatusCode.Conflict, "booking.parking_not_allowed");
        inStreet.GetProperty("detail").GetString().ShouldBe("Rides end in a bay here; the nearest are in bays.");
        (await rider.PhaseAsync(booking)).ShouldBe("riding");
        await platform.PassAsync(5);
        (await rider.DoAsync(booking, "end", new { position = Gate })).GetProperty("phase").GetString().ShouldBe("ending");
        await vehicle.ObeyAsync(100);
        var settled = await BookingPlatform.SettledAsync(rider, booking);
        settled.GetProperty("flags").GetArrayLength().ShouldBe(0);
        settled.GetProperty("charge").GetProperty("total").GetProperty("amount").GetInt64().ShouldBe(100 + 10 * 20);
    }

    [Fact]
    public async Task What_the_vehicle_said_of_its_place_since_the_ride_began_counts_when_the_app_says_nothing()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync(place: Country));
        var booking = await BookingPlatform.RideAsync(rider, vehicle);
        await (vehicle with { Position = Park }).ReportAsync("unlocked", null);
        await Replies.RefusedAsync(await rider.PostAsync($"/v1/bookings/{booking}/end"), HttpStatusCode.Conflict, "booking.parking_not_allowed");
        await rider.DoAsync(booking, "end", new { position = Country });
    }

    [Fact, Trait("Req", "BKG-6")]
    public async Task A_vehicle_that_locked_ends_the_ride_even_in_the_park_and_the_ride_says_so()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync(place: Country));
        var booking = await BookingPlatform.RideAsync(rider, vehicle);
        await platform.PassAsync(3);
        await rider.DoAsync(booking, "end"); // nobody knows yet that it is in the park
        await (vehicle with { Position = Park }).ObeyAsync(100);
        var settled = await BookingPlatform.SettledAsync(rider, booking);
        settled.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).ShouldBe(["parked_outside"]);
        settled.GetProperty("charge").GetProperty("total").GetProperty("amount").GetInt64().ShouldBe(100 + 3 * 20);
    }

    [Fact]
    public async Task A_ride_that_is_paused_in_the_park_can_be_ended_there_since_the_vehicle_is_locked()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync(place: Country));
        var booking = await BookingPlatform.RideAsync(rider, vehicle);
        await platform.PassAsync(3);
        await rider.DoAsync(booking, "pause");
        await (vehicle with { Position = Park }).ObeyAsync(100);
        await rider.DoAsync(booking, "end");
        (await BookingPlatform.SettledAsync(rider, booking)).GetProperty("flags").EnumerateArray().Select(f => f.GetString()).ShouldBe(["parked_outside"]);
    }

    [Fact]
    public async Task No_ride_begins_in_the_park()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync(place: Park));
        await Replies.RefusedAsync(
            await rider.ReserveAsync(await rider.QuoteAsync(vehicle.Id)), HttpStatusCode.Conflict, "booking.start_not_allowed");
        Names(UnlockVehicle.Decide(In(Phase.Confirmed), NewCommand, At(5), BookingProblems.StartNotAllowed)).ShouldBe("!booking.start_not_allowed");
    }

    [Fact]
    public async Task Staff_end_a_ride_wherever_it_is()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync(place: Country));
        var booking = await BookingPlatform.RideAsync(rider, vehicle);
        var inPark = vehicle with { Position = Park };
        await inPark.ReportAsync("unlocked", null);
        await new RiderClient(platform.StaffClient(), rider.Id).DoAsync(booking, "force-end");
        await inPark.ObeyAsync(100);
        (await BookingPlatform.SettledAsync(rider, booking)).GetProperty("flags").EnumerateArray().Select(f => f.GetString())
            .ShouldBe(["ended_by_staff", "parked_outside"]);
    }
}
