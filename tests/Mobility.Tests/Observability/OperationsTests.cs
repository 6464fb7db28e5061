using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Mobility.Tests.Support;

namespace Mobility.Tests.Observability;

/// <summary>What operators see of the bus, and what they can do.</summary>
public sealed class OperationsTests(ObservedFixture fixture) : IClassFixture<ObservedFixture>
{
    [Fact, Trait("Req", "EVT-8")]
    public async Task Parked_messages_are_listed_page_by_page_and_sent_on()
    {
        foreach (var text in (string[])["remind one", "remind two"])
        {
            fixture.Module.Stumbles[text] = true;
            (await fixture.Http.PostAsJsonAsync("/v1/notes", new { text })).StatusCode.ShouldBe(HttpStatusCode.Created);
        }
        await Eventually.TrueAsync(async () =>
        {
            fixture.Clock.Advance(TimeSpan.FromMinutes(5));
            return await ParkedAsync() == 4;
        }, "parking of two messages and two reminders");
        var items = new List<JsonElement>();
        string? cursor = null;
        do
        {
            var page = await fixture.Operator.GetFromJsonAsync<JsonElement>($"/v1/ops/parked?limit=1{(cursor is null ? "" : $"&cursor={cursor}")}");
            items.AddRange(page.GetProperty("items").EnumerateArray());
            cursor = page.TryGetProperty("next", out var next) ? next.GetString() : null;
        } while (cursor is not null);

        items.Select(i => i.GetProperty("kind").GetString()).ShouldBe(["message", "message", "scheduled", "scheduled"]);
        items[0].GetProperty("error").GetString().ShouldBe("stumbled over *** on purpose"); // it names an e-mail address
        items[0].GetProperty("attempts").GetInt32().ShouldBeGreaterThanOrEqualTo(8);
        (await fixture.Http.GetAsync("/health/ready")).StatusCode.ShouldBe(HttpStatusCode.OK); // parked messages degrade a process, they do not stop it

        fixture.Module.Stumbles.Clear();
        foreach (var item in items)
            (await ReplayAsync(item)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        await Eventually.TrueAsync(async () => await ParkedAsync() == 0 && await fixture.CountAsync("SELECT count(*) FROM observed.inbox") == 0, "the replay");
        await Eventually.TrueAsync(async () => await fixture.CountAsync("SELECT count(*) FROM observed.scheduled") == 0, "the reminders");
        fixture.Module.Heard.Count(h => h.Text.StartsWith("remind", StringComparison.Ordinal)).ShouldBe(2);
        var again = await ReplayAsync(items[0]);
        again.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await again.Content.ReadAsStringAsync()).ShouldContain("ops.not_parked");
    }

    [Fact, Trait("Req", "EVT-4")]
    public async Task Lags_of_subscriptions_and_views_are_told_in_messages_and_seconds()
    {
        await using var late = new Npgsql.NpgsqlConnection(fixture.ConnectionString);
        await late.OpenAsync();
        await using var transaction = await late.BeginTransactionAsync(); // nothing behind a running transaction is read, so lag builds up
        await using (var hold = new Npgsql.NpgsqlCommand("SELECT pg_current_xact_id()", late, transaction))
            await hold.ExecuteScalarAsync();
        await fixture.Http.PostAsJsonAsync("/v1/notes", new { text = "one" });
        await fixture.Http.PostAsJsonAsync("/v1/notes", new { text = "two" });
        fixture.Clock.Advance(TimeSpan.FromSeconds(30));

        var lines = (await LagAsync()).ToDictionary(l => l.GetProperty("name").GetString()!);
        foreach (var name in (string[])["observed.hear", "note_list"])
        {
            lines[name].GetProperty("messagesBehind").GetInt64().ShouldBe(2);
            lines[name].GetProperty("secondsBehind").GetDouble().ShouldBe(30);
        }
        await transaction.RollbackAsync();
        await Eventually.TrueAsync(async () => (await LagAsync()).All(l => l.GetProperty("messagesBehind").GetInt64() == 0), "catching up");
    }

    [Fact, Trait("Req", "EVT-4")]
    public async Task A_view_is_rebuilt_from_its_events_by_an_operator()
    {
        await fixture.Http.PostAsJsonAsync("/v1/notes", new { text = "kept" });
        await Eventually.TrueAsync(async () => await fixture.CountAsync("SELECT count(*) FROM observed.note_list WHERE text = 'kept'") == 1, "the view");
        var events = await fixture.CountAsync("SELECT count(*) FROM observed.events");
        await fixture.ExecuteAsync("UPDATE observed.note_list SET text = 'spoiled'");

        var rebuilt = await fixture.Operator.PostAsync("/v1/ops/views/observed/note_list/rebuild", null);

        rebuilt.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await rebuilt.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("events").GetInt64().ShouldBeGreaterThanOrEqualTo(events);
        (await fixture.CountAsync("SELECT count(*) FROM observed.note_list WHERE text = 'spoiled'")).ShouldBe(0);
        (await fixture.CountAsync("SELECT count(*) FROM observed.note_list WHERE text = 'kept'")).ShouldBe(1);
        var unknown = await fixture.Operator.PostAsync("/v1/ops/views/observed/nothing/rebuild", null);
        unknown.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("GET", "/v1/ops/lag", "ops.read")]
    [InlineData("GET", "/v1/ops/parked", "ops.read")]
    [InlineData("POST", "/v1/ops/parked/observed/observed.hear/0197286b-5c00-7000-8000-000000000000/replay", "ops.manage")]
    [InlineData("POST", "/v1/ops/views/observed/note_list/rebuild", "ops.manage")]
    public async Task Operators_need_their_permission(string method, string path, string permission)
    {
        using var stranger = fixture.NewClient(fixture.Module.Keys.TokenFor(fixture.Clock.GetUtcNow(), "bookings.write"));

        (await fixture.Http.SendAsync(new HttpRequestMessage(new HttpMethod(method), path))).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        var refused = await stranger.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));
        refused.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await refused.Content.ReadAsStringAsync()).ShouldContain(permission);
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=201", "limit")]
    [InlineData("limit=99999999999999999999", "limit")]
    [InlineData("cursor=%25", "cursor")]
    [InlineData("cursor=AAAA", "cursor")]
    [InlineData("cursor=YQpiCmMKZA", "cursor")]
    public async Task A_page_that_cannot_be_read_is_refused(string query, string field)
    {
        var reply = await fixture.Operator.GetAsync($"/v1/ops/parked?{query}");

        reply.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("field").GetString().ShouldBe(field);
    }

    [Fact]
    public async Task A_module_that_does_not_run_here_is_not_found()
    {
        var reply = await fixture.Operator.PostAsync($"/v1/ops/parked/nowhere/x/{Guid.CreateVersion7()}/replay", null);

        reply.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await reply.Content.ReadAsStringAsync()).ShouldContain("ops.no_such_module");
    }

    private async Task<IEnumerable<JsonElement>> LagAsync() =>
        (await fixture.Operator.GetFromJsonAsync<JsonElement>("/v1/ops/lag")).GetProperty("items").EnumerateArray();

    private Task<HttpResponseMessage> ReplayAsync(JsonElement item) => fixture.Operator.PostAsync(
        $"/v1/ops/parked/{item.GetProperty("module").GetString()}/{item.GetProperty("subscription").GetString()}/{item.GetProperty("messageId").GetString()}/replay", null);

    private Task<long> ParkedAsync() => fixture.CountAsync(
        "SELECT (SELECT count(*) FROM observed.inbox WHERE state = 'parked') + (SELECT count(*) FROM observed.scheduled WHERE parked)");
}
