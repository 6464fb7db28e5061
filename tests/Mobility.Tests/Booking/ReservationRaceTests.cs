using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Booking;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Tests.Support;

namespace Mobility.Tests.Bookings;

/// <summary>Races on a real platform: the vehicle is sold once, whoever asks how often.</summary>
public sealed class ReservationRaceTests(BookingPlatform platform) : IClassFixture<BookingPlatform>
{
    private const int Racers = 50;

    [Fact, Trait("Req", "BKG-4")]
    public async Task Of_fifty_riders_one_gets_the_vehicle_and_the_others_get_alternatives()
    {
        var place = new GeoPoint(50.4, 10.4);
        var vehicle = await platform.NewVehicleAsync(place: place);
        var other = await platform.NewVehicleAsync(place: new GeoPoint(50.4005, 10.4));
        var riders = await Task.WhenAll(Enumerable.Range(0, Racers).Select(_ => platform.NewRiderAsync()));
        var quotes = await Task.WhenAll(riders.Select(r => r.QuoteAsync(vehicle.Id)));

        var replies = await Task.WhenAll(riders.Zip(quotes, (rider, quote) => rider.ReserveAsync(quote)));

        replies.Count(r => r.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        foreach (var lost in replies.Where(r => r.StatusCode != HttpStatusCode.Created))
        {
            var problem = await Replies.RefusedAsync(lost, HttpStatusCode.Conflict, "booking.vehicle_taken");
            problem.GetProperty("alternatives").EnumerateArray().Select(v => v.GetProperty("id").GetString()).ShouldBe([other.Id.ToString()]);
        }
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM booking.holds WHERE vehicle_id = '{vehicle.Id.Value}'")).ShouldBe(1);
    }

    [Fact]
    public async Task The_plan_of_a_look_for_holds_is_good_for_many_of_them_also_when_it_is_made_while_there_are_none()
    {
        var plan = await platform.Services.GetRequiredService<Database<BookingModule>>().QueryAsync<string>(
            $"EXPLAIN {ReserveVehicle.OverlapsSql}",
            new
            {
                vehicle = Id.New<VehicleId>(platform.Clock).Value,
                rider = Id.New<AccountId>(platform.Clock).Value,
                group = Id.New<BookingId>(platform.Clock).Value,
                from = platform.Clock.GetUtcNow(),
                until = platform.Clock.GetUtcNow().AddHours(1),
            }, CancellationToken.None);
        var conditions = plan.Where(line => line.Contains("Index Cond", StringComparison.Ordinal)).Select(line => line.Trim()).ToArray();
        conditions.ShouldSatisfyAllConditions(
            () => conditions.ShouldContain(line => line.Contains("(vehicle_id =", StringComparison.Ordinal)),
            () => conditions.ShouldContain(line => line.Contains("(rider_id =", StringComparison.Ordinal)),
            () => conditions.Length.ShouldBe(2));
    }

    [Fact, Trait("Req", "BKG-2"), Trait("Req", "BKG-4")]
    public async Task A_rider_who_grabs_ten_vehicles_at_once_gets_one()
    {
        var rider = await platform.NewRiderAsync();
        var vehicles = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => platform.NewVehicleAsync()));
        var quotes = await Task.WhenAll(vehicles.Select(v => rider.QuoteAsync(v.Id)));

        var replies = await Task.WhenAll(quotes.Select(q => rider.ReserveAsync(q)));

        replies.Count(r => r.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        foreach (var lost in replies.Where(r => r.StatusCode != HttpStatusCode.Created))
            await Replies.RefusedAsync(lost, HttpStatusCode.Conflict, "booking.rider_busy");
    }

    [Fact, Trait("Req", "BKG-3"), Trait("Req", "BKG-4")]
    public async Task Parallel_windows_of_a_van_are_sold_where_they_do_not_overlap()
    {
        var van = await platform.NewVehicleAsync("van");
        var begin = platform.NextMorning();
        var riders = await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => platform.NewRiderAsync()));
        // Each hour of the morning is wanted by six riders, and hours touch each other.
        var quotes = await Task.WhenAll(riders.Select((r, i) => r.QuoteAsync(van.Id, begin.AddHours(i % 4), begin.AddHours(i % 4 + 1))));

        var replies = await Task.WhenAll(riders.Zip(quotes, (rider, quote) => rider.ReserveAsync(quote)));

        var won = replies.Where(r => r.StatusCode == HttpStatusCode.Created).ToArray();
        var begins = await Task.WhenAll(won.Select(async r => (await RiderClient.OkAsync(r)).GetProperty("from").GetDateTimeOffset()));
        begins.Order().ShouldBe(Enumerable.Range(0, 4).Select(h => begin.AddHours(h)));
        foreach (var lost in replies.Except(won))
            await Replies.RefusedAsync(lost, HttpStatusCode.Conflict, "booking.vehicle_taken");
    }

    [Fact, Trait("Req", "BKG-5")]
    public async Task The_same_key_reserves_once_and_answers_the_same_also_in_parallel()
    {
        var (rider, vehicle, other) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync(), await platform.NewVehicleAsync());
        var (quote, otherQuote) = (await rider.QuoteAsync(vehicle.Id), await rider.QuoteAsync(other.Id));

        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => rider.ReserveAsync(quote, key: "once")));

        replies.ShouldAllBe(r => r.StatusCode == HttpStatusCode.Created);
        (await Task.WhenAll(replies.Select(r => r.Content.ReadAsStringAsync()))).Distinct().ShouldHaveSingleItem();
        await Replies.RefusedAsync(await rider.ReserveAsync(otherQuote, key: "once"), HttpStatusCode.UnprocessableEntity, "request.idempotency_key_reused");
        await Replies.RefusedAsync(await rider.ReserveAsync(quote, key: new string('k', 101)), HttpStatusCode.BadRequest, "request.idempotency_key");
    }

    [Fact, Trait("Req", "BKG-9")]
    public async Task A_rider_tries_at_most_ten_times_a_minute()
    {
        var rider = await platform.NewRiderAsync();
        for (var i = 0; i < 10; i++)
            (await rider.ReserveAsync(Examples.Quote.ToString())).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        await Replies.RefusedAsync(await rider.ReserveAsync(Examples.Quote.ToString()), HttpStatusCode.TooManyRequests, "request.rate_limited");
    }

    [Fact, Trait("Req", "BKG-4")]
    public async Task A_group_shares_its_rider_s_time_up_to_four_vehicles()
    {
        var rider = await platform.NewRiderAsync();
        var vehicles = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => platform.NewVehicleAsync()));
        var first = await rider.BookAsync(vehicles[0].Id);
        var quotes = await Task.WhenAll(vehicles[1..].Select(v => rider.QuoteAsync(v.Id)));

        var replies = await Task.WhenAll(quotes.Select(q => rider.ReserveAsync(q, groupWith: first)));

        replies.Count(r => r.StatusCode == HttpStatusCode.Created).ShouldBe(3);
        foreach (var lost in replies.Where(r => r.StatusCode != HttpStatusCode.Created))
            await Replies.RefusedAsync(lost, HttpStatusCode.Conflict, "booking.group_full");
        var stranger = await platform.NewRiderAsync();
        var quote = await stranger.QuoteAsync((await platform.NewVehicleAsync()).Id);
        await Replies.RefusedAsync(await stranger.ReserveAsync(quote, groupWith: first), HttpStatusCode.UnprocessableEntity, "booking.group_not_found");
    }

    [Fact]
    public async Task Wrong_input_is_refused_with_its_field()
    {
        var (rider, stranger) = (await platform.NewRiderAsync(), await platform.NewRiderAsync());
        var vehicle = await platform.NewVehicleAsync();
        var quote = await rider.QuoteAsync(vehicle.Id);
        var booking = await rider.BookAsync(vehicle.Id);
        async Task Refused(HttpResponseMessage reply, HttpStatusCode status, string code) => await Replies.RefusedAsync(reply, status, code);
        await Refused(await rider.PostAsync("/v1/bookings", new { quoteId = "quote_1" }), HttpStatusCode.BadRequest, "request.malformed_json");
        await Refused(await rider.PostAsync("/v1/bookings", new { }), HttpStatusCode.BadRequest, "request.malformed_json");
        await Refused(await rider.PostAsync("/v1/bookings/nonsense/unlock"), HttpStatusCode.BadRequest, "request.invalid_parameter");
        await Refused(await rider.PostAsync($"/v1/bookings/{Examples.TheBooking}/unlock"), HttpStatusCode.NotFound, "booking.not_found");
        await Refused(await rider.PostAsync($"/v1/bookings/{booking}/extend", new { until = "soon" }), HttpStatusCode.BadRequest, "request.malformed_json");
        await Refused(await rider.PostAsync($"/v1/bookings/{booking}/force-end"), HttpStatusCode.Forbidden, "auth.forbidden");
        await Refused(await stranger.ReserveAsync(quote), HttpStatusCode.NotFound, "booking.quote_not_found");
        await Refused(await stranger.PostAsync($"/v1/bookings/{booking}/cancel"), HttpStatusCode.NotFound, "booking.not_found");
        await Refused(await stranger.Http.GetAsync($"/v1/bookings/{booking}"), HttpStatusCode.NotFound, "booking.not_found");
        await Refused(await rider.Http.GetAsync($"/v1/bookings/{booking}?waitFor=heaven"), HttpStatusCode.BadRequest, "request.invalid_field");
        await Refused(await rider.Http.GetAsync($"/v1/bookings/{booking}?waitFor=riding&seconds=11"), HttpStatusCode.BadRequest, "request.invalid_field");
        await Refused(await rider.Http.GetAsync("/v1/bookings?limit=0"), HttpStatusCode.BadRequest, "request.invalid_field");
        await Refused(await rider.Http.GetAsync("/v1/bookings?cursor=x"), HttpStatusCode.BadRequest, "request.invalid_field");
        await Refused(await platform.Http.GetAsync($"/v1/bookings/{booking}"), HttpStatusCode.Unauthorized, "auth.token_required");
    }
}
