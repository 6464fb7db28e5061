using System.Net;
using Mobility.Tests.Support;

namespace Mobility.Tests.Bookings;

/// <summary>A rider confirms the safety checklist of a kind once.</summary>
public sealed class SafetyChecklistTests(BookingPlatform platform) : IClassFixture<BookingPlatform>
{
    [Fact, Trait("Req", "BKG-2")]
    public async Task The_first_scooter_is_held_only_with_the_confirmation_and_the_next_without()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var refused = await Replies.RefusedAsync(
            await ReserveAsync(rider, vehicle), HttpStatusCode.UnprocessableEntity, "booking.safety_checklist_needed");
        refused.GetProperty("field").GetString().ShouldBe("safetyChecklist");
        var items = refused.GetProperty("checklist").GetProperty("items").GetArrayLength();
        items.ShouldBeGreaterThan(3);
        var listed = await RiderClient.OkAsync(await platform.Http.GetAsync("/v1/safety-checklists"));
        listed.GetProperty("checklists").EnumerateArray().Select(list => list.GetProperty("kind").GetString()).ShouldBe(["scooter", "e_bike"]);
        listed.GetProperty("checklists")[0].GetProperty("items").GetArrayLength().ShouldBe(items);

        var booking = (await RiderClient.OkAsync(await ReserveAsync(rider, vehicle, safetyChecklist: true))).GetProperty("id").GetString()!;
        await rider.DoAsync(booking, "cancel");
        await platform.SettleAsync();
        await RiderClient.OkAsync(await ReserveAsync(rider, vehicle));
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM booking.safety_checklists WHERE rider_id = '{rider.Id.Value}' AND kind = 'scooter'")).ShouldBe(1);
    }

    [Fact, Trait("Req", "BKG-2")]
    public async Task What_was_confirmed_in_another_process_counts_and_what_another_rider_confirmed_does_not()
    {
        var (rider, other, vehicle) = (await platform.NewRiderAsync(), await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        // As another process leaves it: in the table, and not in this one's memory.
        await platform.ScalarAsync<object>(
            $"INSERT INTO booking.safety_checklists (rider_id, kind, version, accepted_at) VALUES ('{other.Id.Value}', 'scooter', 1, '2026-06-01T08:00:00Z')");
        await Replies.RefusedAsync(await ReserveAsync(rider, vehicle), HttpStatusCode.UnprocessableEntity, "booking.safety_checklist_needed");
        await RiderClient.OkAsync(await ReserveAsync(other, vehicle));
    }

    [Fact]
    public async Task A_van_has_no_checklist()
    {
        var (rider, van) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync("van"));
        var from = platform.NextMorning();
        await RiderClient.OkAsync(await rider.PostAsync("/v1/bookings", new { quoteId = await rider.QuoteAsync(van.Id, from, from.AddHours(1)) }));
    }

    private static async Task<HttpResponseMessage> ReserveAsync(RiderClient rider, VehicleClient vehicle, bool safetyChecklist = false)
    {
        var quoteId = await rider.QuoteAsync(vehicle.Id);
        return await rider.PostAsync("/v1/bookings", safetyChecklist ? new { quoteId, safetyChecklist } : (object)new { quoteId });
    }
}
