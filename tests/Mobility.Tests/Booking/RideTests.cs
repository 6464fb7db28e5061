using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;
using Mobility.Tests.Targets;

namespace Mobility.Tests.Bookings;

/// <summary>The scenarios in one process.</summary>
public sealed class RideTests(BookingPlatform platform) : RideScenarios(platform), IClassFixture<BookingPlatform>;

/// <summary>The same scenarios on two processes that split the modules.</summary>
public sealed class RidesOnTwoProcessesTests(SplitPlatform platform) : RideScenarios(platform), IClassFixture<SplitPlatform>;

/// <summary>Rides through the whole platform: booking, fleet, prices and payments together, on a clock that the test moves.</summary>
public abstract class RideScenarios(BookingPlatform platform)
{
    [Fact, Trait("Req", "BKG-5"), Trait("Req", "BKG-6"), Trait("Req", "BKG-8"), Trait("Req", "EVT-9")]
    public async Task A_ride_from_reservation_to_receipt()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await rider.BookAsync(vehicle.Id);
        await rider.ConfirmAsync(booking);
        await platform.SettleAsync();
        (await vehicle.StateAsync()).ShouldBe("reserved");
        (await rider.DoAsync(booking, "unlock")).GetProperty("phase").GetString().ShouldBe("unlocking");
        await vehicle.ObeyAsync();
        (await rider.PhaseAsync(booking)).ShouldBe("riding");
        await platform.PassAsync(10);
        (await vehicle.StateAsync()).ShouldBe("on_trip");
        var live = await rider.GetAsync(booking);
        live.GetProperty("costSoFar").GetProperty("total").GetProperty("amount").GetInt64().ShouldBe(100 + 10 * 20);
        live.GetProperty("next").EnumerateArray().Select(n => n.GetString()).ShouldBe(["pause", "end"]);

        await rider.DoAsync(booking, "pause");
        await vehicle.ObeyAsync(1_500);
        (await rider.PhaseAsync(booking)).ShouldBe("paused");
        await platform.PassAsync(5);
        await rider.DoAsync(booking, "resume");
        await vehicle.ObeyAsync();
        await platform.PassAsync(5);
        (await rider.DoAsync(booking, "end")).GetProperty("phase").GetString().ShouldBe("ending");
        await vehicle.ObeyAsync(500);
        var settled = await BookingPlatform.SettledAsync(rider, booking);

        settled.GetProperty("distanceMeters").GetInt64().ShouldBe(2_000);
        settled.GetProperty("charge").GetProperty("total").GetProperty("amount").GetInt64().ShouldBe(100 + 15 * 20 + 5 * 10);
        settled.GetProperty("invoiceNumber").GetString().ShouldNotBeNullOrEmpty();
        settled.GetProperty("flags").GetArrayLength().ShouldBe(0);
        (await vehicle.StateAsync()).ShouldBe("available");

        var listed = (await RiderClient.OkAsync(await rider.Http.GetAsync("/v1/bookings"))).GetProperty("items").EnumerateArray().ShouldHaveSingleItem();
        (listed.GetProperty("id").GetString(), listed.GetProperty("phase").GetString()).ShouldBe((booking, "settled"));
        var trip = (await Eventually.GetAsync(async () => (await RiderClient.OkAsync(await rider.Http.GetAsync("/v1/trips"))).GetProperty("items"),
            items => items.GetArrayLength() == 1 && items[0].TryGetProperty("charge", out _), "the trip in the history"))[0];
        trip.GetProperty("charge").GetProperty("amount").GetInt64().ShouldBe(450);
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM booking.scheduled WHERE key = '{Id.Parse<BookingId>(booking).Value}'")).ShouldBe(0);
    }

    [Fact, Trait("Req", "BKG-5")]
    public async Task An_unconfirmed_hold_ends_after_five_minutes_and_the_vehicle_is_free()
    {
        var (rider, next, vehicle) = (await platform.NewRiderAsync(), await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await rider.BookAsync(vehicle.Id);
        await platform.PassAsync(4.9);
        (await rider.PhaseAsync(booking)).ShouldBe("held");
        await platform.PassAsync(0.1);
        var released = await rider.GetAsync(booking);
        (released.GetProperty("phase").GetString(), released.GetProperty("releaseReason").GetString()).ShouldBe(("released", "expired"));
        await Replies.RefusedAsync(await rider.PostAsync($"/v1/bookings/{booking}/confirm"), HttpStatusCode.Conflict, "booking.wrong_phase");
        await next.BookAsync(vehicle.Id);
    }

    [Fact, Trait("Req", "BKG-2")]
    public async Task A_confirmed_scooter_that_nobody_takes_is_free_after_thirty_minutes_without_charge()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await rider.BookAsync(vehicle.Id);
        await rider.DoAsync(booking, "confirm");
        await platform.PassAsync(30);
        var released = await rider.GetAsync(booking);
        released.GetProperty("releaseReason").GetString().ShouldBe("no_show");
        released.TryGetProperty("charge", out _).ShouldBeFalse();
        (await vehicle.StateAsync()).ShouldBe("available");
    }

    [Fact, Trait("Req", "BKG-5")]
    public async Task A_declined_card_releases_the_vehicle()
    {
        var (rider, next, vehicle) = (await platform.NewRiderAsync("tok_declined"), await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await rider.BookAsync(vehicle.Id);
        var reply = await rider.DoAsync(booking, "confirm");
        (reply.GetProperty("phase").GetString(), reply.GetProperty("releaseReason").GetString(), reply.GetProperty("releaseDetail").GetString())
            .ShouldBe(("released", "payment_failed", "card_declined"));
        await platform.SettleAsync();
        await next.BookAsync(vehicle.Id);
    }

    [Fact, Trait("Req", "BKG-5")]
    public async Task A_bank_that_wants_to_see_the_rider_leaves_the_hold_its_five_minutes()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync("tok_3ds"), await platform.NewVehicleAsync());
        var booking = await rider.BookAsync(vehicle.Id);
        var reply = await rider.DoAsync(booking, "confirm");
        reply.GetProperty("phase").GetString().ShouldBe("confirming");
        reply.GetProperty("actionUrl").GetString().ShouldNotBeNullOrEmpty();
        reply.GetProperty("next").EnumerateArray().Select(n => n.GetString()).ShouldBe(["authenticate", "cancel"]);
        await platform.PassAsync(5);
        (await rider.GetAsync(booking)).GetProperty("releaseReason").GetString().ShouldBe("expired");
    }

    [Fact, Trait("Req", "BKG-3")]
    public async Task Nobody_comes_for_a_van_the_grace_passes_and_the_fee_is_charged()
    {
        var (rider, van) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync("van"));
        var from = platform.NextMorning();
        var booking = await rider.BookAsync(van.Id, from, from.AddHours(2));
        await rider.DoAsync(booking, "confirm");
        await platform.PassUntilAsync(from.AddMinutes(-1));
        (await van.StateAsync()).ShouldBe("available");
        await Replies.RefusedAsync(await rider.PostAsync($"/v1/bookings/{booking}/unlock"), HttpStatusCode.Conflict, "booking.too_early");
        await platform.PassAsync(1);
        (await van.StateAsync()).ShouldBe("reserved");
        await platform.PassAsync(29);
        (await rider.PhaseAsync(booking)).ShouldBe("confirmed");
        await platform.PassAsync(1);
        var released = await rider.GetAsync(booking);
        released.GetProperty("releaseReason").GetString().ShouldBe("no_show");
        released.GetProperty("charge").GetProperty("total").GetProperty("amount").GetInt64().ShouldBe(2_000);
        (await Eventually.GetAsync(() => rider.GetAsync(booking), b => b.TryGetProperty("invoiceNumber", out _), "the invoice of the fee"))
            .GetProperty("phase").GetString().ShouldBe("released");
        (await van.StateAsync()).ShouldBe("available");
    }

    [Fact, Trait("Req", "BKG-3")]
    public async Task A_window_is_extended_only_into_free_time()
    {
        var (rider, neighbor, van) = (await platform.NewRiderAsync(), await platform.NewRiderAsync(), await platform.NewVehicleAsync("van"));
        var from = platform.NextMorning();
        var booking = await rider.BookAsync(van.Id, from, from.AddHours(1));
        await neighbor.BookAsync(van.Id, from.AddHours(3), from.AddHours(4));
        var reply = await rider.DoAsync(booking, "extend", new { until = from.AddHours(3) });
        reply.GetProperty("until").GetDateTimeOffset().ShouldBe(from.AddHours(3));
        await Replies.RefusedAsync(await rider.PostAsync($"/v1/bookings/{booking}/extend", new { until = from.AddHours(3).AddMinutes(1) }),
            HttpStatusCode.Conflict, "booking.vehicle_taken");
        await Replies.RefusedAsync(await rider.PostAsync($"/v1/bookings/{booking}/extend", new { until = from }),
            HttpStatusCode.UnprocessableEntity, "booking.window_invalid");
    }

    [Fact, Trait("Req", "EVT-9")]
    public async Task A_vehicle_that_does_not_open_costs_nothing()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await rider.BookAsync(vehicle.Id);
        await rider.DoAsync(booking, "confirm");
        await rider.DoAsync(booking, "unlock");
        await vehicle.HearAsync();
        await platform.PassAsync(1);
        var released = await rider.GetAsync(booking);
        (released.GetProperty("phase").GetString(), released.GetProperty("releaseReason").GetString()).ShouldBe(("released", "vehicle_fault"));
        released.TryGetProperty("charge", out _).ShouldBeFalse();
    }

    [Fact, Trait("Req", "EVT-9")]
    public async Task A_vehicle_that_does_not_lock_stops_the_meter_when_the_rider_asked()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await BookingPlatform.RideAsync(rider, vehicle);
        await platform.PassAsync(7);
        await rider.DoAsync(booking, "end");
        var asked = platform.Clock.GetUtcNow();
        await vehicle.HearAsync();
        await platform.PassAsync(3);
        var settled = await BookingPlatform.SettledAsync(rider, booking);
        settled.GetProperty("endedAt").GetDateTimeOffset().ShouldBe(asked);
        settled.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).ShouldBe(["lock_unanswered"]);
        settled.GetProperty("charge").GetProperty("total").GetProperty("amount").GetInt64().ShouldBe(100 + 7 * 20);
    }

    [Fact, Trait("Req", "BKG-2")]
    public async Task A_ride_is_over_after_twelve_hours()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await BookingPlatform.RideAsync(rider, vehicle);
        var begun = platform.Clock.GetUtcNow();
        await platform.PassAsync(12 * 60);
        (await rider.PhaseAsync(booking)).ShouldBe("ending");
        await platform.PassAsync(1);
        await vehicle.ReportAsync("locked", null);
        var settled = await BookingPlatform.SettledAsync(rider, booking);
        settled.GetProperty("endedAt").GetDateTimeOffset().ShouldBe(begun.AddHours(12));
        settled.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).ShouldContain("ended_by_deadline");
    }

    [Fact]
    public async Task Staff_see_every_booking_and_can_end_it()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await BookingPlatform.RideAsync(rider, vehicle);
        var staff = new RiderClient(platform.StaffClient(), Examples.Rider);
        (await staff.GetAsync(booking)).GetProperty("phase").GetString().ShouldBe("riding");
        (await RiderClient.OkAsync(await staff.Http.GetAsync($"/v1/bookings?rider={rider.Id}"))).GetProperty("items").GetArrayLength().ShouldBe(1);
        await staff.DoAsync(booking, "force-end");
        await vehicle.ObeyAsync(100);
        (await BookingPlatform.SettledAsync(rider, booking)).GetProperty("flags").EnumerateArray().Select(f => f.GetString()).ShouldBe(["ended_by_staff"]);
    }

    [Fact]
    public async Task A_look_at_a_booking_can_wait_for_a_phase()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await rider.BookAsync(vehicle.Id);
        var waiting = rider.Http.GetAsync($"/v1/bookings/{booking}?waitFor=confirmed&seconds=10");
        await rider.DoAsync(booking, "confirm");
        (await RiderClient.OkAsync(await waiting)).GetProperty("phase").GetString().ShouldBe("confirmed");
        var released = rider.Http.GetAsync($"/v1/bookings/{booking}?waitFor=riding&seconds=10");
        await rider.DoAsync(booking, "cancel");
        (await RiderClient.OkAsync(await released)).GetProperty("phase").GetString().ShouldBe("released");
    }

    [Fact, Trait("Req", "BKG-4"), Trait("Req", "EVT-4")]
    public async Task The_laws_hold_over_all_that_happened_here()
    {
        var rider = await platform.NewRiderAsync();
        await BookingPlatform.RideAsync(rider, await platform.NewVehicleAsync());
        await platform.SettleAsync();
        var booking = platform.Services.GetRequiredService<IReadOnlyList<ModuleDefinition>>().Single(m => m.Module == "booking");
        booking.Audits.Count.ShouldBe(6);
        await Eventually.GetAsync(async () => string.Join('\n', (await platform.AuditAsync(booking)).SelectMany(r => r.Violations)),
            violations => violations.Length == 0, "an audit without violations");
    }
}
