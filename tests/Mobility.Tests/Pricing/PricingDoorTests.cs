using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Host.Packs;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Pricing;
using Mobility.Tests.Packs;
using Mobility.Tests.Support;
using Npgsql;

namespace Mobility.Tests.Pricing;

/// <summary>Pricing through its doors: real HTTP, real PostgreSQL, the small pack.</summary>
public sealed class PricingDoorTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static readonly CityId Tiny = new("tiny");
    private static readonly AccountId Rider = Id.Named<AccountId>("pricing-tests", "rider");

    [Fact, Trait("Req", "BKG-8")]
    public async Task A_quote_carries_its_tariff_and_what_it_says_is_what_booking_will_freeze()
    {
        var reply = await QuoteAsync(new { vehicleId = VehicleId.Of(Tiny, "s-1"), expectedMinutes = 10 });
        reply.StatusCode.ShouldBe(HttpStatusCode.Created);
        var view = await reply.Content.ReadFromJsonAsync<JsonElement>();
        view.GetProperty("estimate").ToString().ShouldBe("""{"amount":300,"currency":"EUR"}""");
        view.GetProperty("holdAmount").GetProperty("amount").GetInt64().ShouldBe(700);
        view.GetProperty("explanation")[0].GetString().ShouldBe("1.00 EUR to unlock");
        view.GetProperty("expiresAt").GetDateTimeOffset().ShouldBe(platform.Clock.GetUtcNow().AddMinutes(5));

        var id = Id.Parse<QuoteId>(view.GetProperty("id").GetString()!);
        var snapshot = (await platform.Services.GetRequiredService<IAsk>().AskAsync(new GetQuote(id), CancellationToken.None)).ShouldNotBeNull();
        (snapshot.Account, snapshot.Vehicle, snapshot.Estimate.Amount).ShouldBe((Rider, VehicleId.Of(Tiny, "s-1"), 300));
        JsonSerializer.Serialize(snapshot.Tariff, MobilityJson.Http).ShouldBe(view.GetProperty("tariff").ToString());
    }

    [Fact]
    public async Task A_quote_is_refused_with_a_code()
    {
        await Replies.RefusedAsync(await QuoteAsync(new { vehicleId = VehicleId.Of(Tiny, "none") }), HttpStatusCode.NotFound, "pricing.no_such_vehicle");
        await Replies.RefusedAsync(await QuoteAsync(new { vehicleId = VehicleId.Of(Tiny, "s-2") }), HttpStatusCode.Conflict, "pricing.vehicle_not_rentable");
        await Replies.RefusedAsync(await QuoteAsync(new { vehicleId = VehicleId.Of(Tiny, "v-1") }), HttpStatusCode.BadRequest, "pricing.window_required");
        await Replies.RefusedAsync(await QuoteAsync(new { vehicleId = "veh_1" }), HttpStatusCode.BadRequest, "request.malformed_json");
        await Replies.RefusedAsync(await QuoteAsync(new { vehicleId = VehicleId.Of(Tiny, "s-1"), expectedMinutes = 0 }), HttpStatusCode.BadRequest, "request.invalid_field");
        await Replies.RefusedAsync(await QuoteAsync(new { vehicleId = VehicleId.Of(Tiny, "s-1"), expectedKilometers = int.MaxValue }), HttpStatusCode.BadRequest, "request.invalid_field");
        await Replies.RefusedAsync(await QuoteAsync(new { vehicleId = VehicleId.Of(Tiny, "v-1"), from = DateTimeOffset.MinValue, until = DateTimeOffset.MaxValue }),
            HttpStatusCode.BadRequest, "pricing.from_out_of_range");
        await Replies.RefusedAsync(await platform.Http.PostAsJsonAsync("/v1/quotes", new { vehicleId = VehicleId.Of(Tiny, "s-1") }, MobilityJson.Http),
            HttpStatusCode.Unauthorized, "auth.token_required");
    }

    [Fact]
    public async Task Prices_are_open_to_all()
    {
        var tariffs = (await platform.Http.GetFromJsonAsync<JsonElement>("/v1/tariffs?city=tiny")).GetProperty("tariffs");
        tariffs.EnumerateArray().Select(tariff => tariff.GetProperty("id").GetString()).ShouldBe(["scooter", "van"]);
        await Replies.RefusedAsync(await platform.Http.GetAsync("/v1/tariffs"), HttpStatusCode.BadRequest, "request.invalid_field");
        await Replies.RefusedAsync(await platform.Http.GetAsync("/v1/tariffs?city=%00"), HttpStatusCode.BadRequest, "request.nul_character");
        await Replies.RefusedAsync(await platform.Http.GetAsync("/v1/tariffs?city=nowhere"), HttpStatusCode.NotFound, "pricing.no_such_city");
    }

    [Fact, Trait("Req", "PAY-1")]
    public async Task A_ride_that_ended_is_charged_once_by_its_own_snapshot()
    {
        var ended = Ended(TimeSpan.FromMinutes(10));
        await PublishAsync(ended.Booking.Value, ended);
        await platform.SettleAsync();
        (await platform.ScalarAsync<long>($"SELECT total FROM pricing.charges WHERE booking = '{ended.Booking.Value}'")).ShouldBe(100 + 10 * 20);
        (await platform.ScalarAsync<long>(
            $"SELECT (data->'charge'->'total'->>'amount')::bigint FROM bus.messages WHERE type = 'pricing.ride_charged.v1' AND key = '{ended.Booking.Value}'")).ShouldBe(300);
    }

    [Fact, Trait("Req", "BKG-3")]
    public async Task A_booking_that_nobody_came_for_costs_the_no_show_fee()
    {
        var booking = Id.New<BookingId>(platform.Clock);
        var now = platform.Clock.GetUtcNow();
        await PublishAsync(booking.Value, new BookingForfeitedV1(booking, Rider, Tiny, TariffCalculatorTests.Scooter with { NoShowFee = 2_000 },
            new RideUsage(now, null, null, [], 0, now.AddHours(1), NoShow: true)));
        await platform.SettleAsync();
        (await platform.ScalarAsync<long>($"SELECT total FROM pricing.charges WHERE booking = '{booking.Value}'")).ShouldBe(2_000);
    }

    [Fact]
    public async Task The_audit_recomputes_charges_and_finds_one_that_was_changed()
    {
        var ended = Ended(TimeSpan.FromMinutes(42));
        await PublishAsync(ended.Booking.Value, ended);
        await platform.SettleAsync();
        (await ViolationsAsync()).ShouldBeEmpty();
        await ExecuteAsync($"UPDATE pricing.charges SET total = total + 1 WHERE booking = '{ended.Booking.Value}'");
        (await ViolationsAsync()).ShouldHaveSingleItem().ShouldContain(ended.Booking.ToString());
        await ExecuteAsync($"UPDATE pricing.charges SET total = total - 1 WHERE booking = '{ended.Booking.Value}'");
    }

    [Fact, Trait("Req", "BKG-8")]
    public async Task A_tariff_that_changes_is_a_new_version_and_what_was_quoted_keeps_the_old()
    {
        var pack = CityPackReader.Read(PackFolder.Tiny).Pack!;
        var city = pack.City with { Id = new CityId("changing") };
        var before = pack with { City = city };
        await LoadAsync(before);
        await LoadAsync(before);
        (await VersionsAsync()).ShouldBe("scooter 1, van 1");

        await LoadAsync(before with { Tariffs = [.. before.Tariffs.Select(t => t.Id.Value == "scooter" ? t with { UnlockFee = 900 } : t)] });
        (await VersionsAsync()).ShouldBe("scooter 1, scooter 2, van 1");
        var tariffs = (await platform.Http.GetFromJsonAsync<JsonElement>("/v1/tariffs?city=changing")).GetProperty("tariffs");
        tariffs[0].GetProperty("unlockFee").GetInt64().ShouldBe(900);

        async Task LoadAsync(CityPack p) => await platform.Services.GetServices<IPackLoader>().OfType<PricingPackLoader>().Single().LoadAsync(p, CancellationToken.None);

        async Task<string?> VersionsAsync() =>
            await platform.ScalarAsync<string>("SELECT string_agg(id || ' ' || version, ', ' ORDER BY id, version) FROM pricing.tariffs WHERE city = 'changing'");
    }

    [Fact]
    public async Task Old_quotes_are_purged_and_new_ones_kept()
    {
        (await QuoteAsync(new { vehicleId = VehicleId.Of(Tiny, "s-1") })).StatusCode.ShouldBe(HttpStatusCode.Created);
        var database = platform.Services.GetRequiredService<Database<PricingModule>>();
        await ExecuteAsync($"INSERT INTO pricing.quotes VALUES ('{Guid.CreateVersion7(platform.Clock.GetUtcNow().AddHours(-25))}', '{Rider.Value}', '{{}}')");
        var kept = await platform.ScalarAsync<long>("SELECT count(*) FROM pricing.quotes") - 1;
        await PurgeQuotes.PurgeAsync(database, platform.Clock.GetUtcNow(), CancellationToken.None);
        (await platform.ScalarAsync<long>("SELECT count(*) FROM pricing.quotes")).ShouldBe(kept);
        (await platform.ScalarAsync<long>("SELECT count(*) FROM pricing.scheduled WHERE type = 'purge-quotes'")).ShouldBe(1);
    }

    private RideEndedV1 Ended(TimeSpan length)
    {
        var now = platform.Clock.GetUtcNow();
        return new RideEndedV1(Id.New<BookingId>(platform.Clock), Rider, VehicleId.Of(Tiny, "s-1"), Tiny, TariffCalculatorTests.Scooter,
            new RideUsage(now - length, now - length, now, [], 2_000, null, NoShow: false), new GeoPoint(50, 10));
    }

    private async Task<IReadOnlyList<string>> ViolationsAsync() =>
        await PricingAudit.ChargesEqualTariffs.Run!(platform.Services.GetRequiredService<Database<PricingModule>>(), platform.Clock.GetUtcNow(), CancellationToken.None);

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(platform.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private async Task<HttpResponseMessage> QuoteAsync(object body)
    {
        using var rider = platform.RiderClient(Rider);
        return await rider.PostAsJsonAsync("/v1/quotes", body, MobilityJson.Http);
    }

    private async Task PublishAsync<T>(Guid key, T message) where T : IContractEvent
    {
        var work = platform.Services.GetRequiredService<CommandRunner<PricingModule>>().NewWork("test");
        work.Publish(key, message);
        (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
    }
}
