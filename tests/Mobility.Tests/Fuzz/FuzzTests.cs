using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Tests.Bookings;
using Mobility.Tests.Support;
using Xunit.Abstractions;

namespace Mobility.Tests.Fuzz;

/// <summary>
/// Every endpoint of every module's own OpenAPI document, called with what no client should send. Whatever comes, the answer is not a 5xx, and a refusal is a
/// problem document with a stable code. The seed is printed; the same seed sends the same requests.
/// </summary>
public sealed class FuzzTests(BookingPlatform platform, ITestOutputHelper output) : IClassFixture<BookingPlatform>
{
    private const int RequestsPerOperation = 60;
    private static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("MOBILITY_FUZZ_SEED"), out var seed) ? seed : 20261122;

    public static TheoryData<string> Modules() => [.. global::Mobility.Host.Modules.All().Select(module => module.Name)];

    /// <summary>What a good enrollment is told, since the platform of this test has no door for certificates.</summary>
    private const string NoTlsDoor = "\"telemetry.no_tls_door\"";

    [Theory, MemberData(nameof(Modules)), Trait("Req", "SEC-11")]
    public async Task No_input_reaches_a_server_error(string module)
    {
        output.WriteLine($"seed {Seed}");
        var document = JsonNode.Parse(await platform.Http.GetStringAsync($"/openapi/{module}.json"))!;
        var callers = await CallersAsync();
        var random = new Random(Seed);
        var (requests, refusals) = (0, 0);
        foreach (var (path, operations) in document["paths"]?.AsObject() ?? [])
            foreach (var (method, operation) in operations!.AsObject().Where(o => o.Key is "get" or "post" or "put" or "delete" or "patch"))
                for (var i = 0; i < RequestsPerOperation; i++)
                {
                    var caller = callers[random.Next(callers.Count)];
                    using var request = new Invention(random, document, callers).Request(method, path, operation!.AsObject());
                    var what = $"{request.Method} {request.RequestUri} as {caller.Name}, request {i}";
                    HttpResponseMessage reply;
                    try
                    {
                        reply = await caller.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
                    }
                    catch (HttpRequestException e) when (e.InnerException is IOException)
                    {
                        continue; // the server may hang up on what is not HTTP
                    }
                    using var answered = reply;
                    requests++;
                    if (reply.Content.Headers.ContentType?.MediaType is "text/event-stream")
                        continue; // a stream that was granted does not end
                    var text = await reply.Content.ReadAsStringAsync();
                    if (!text.Contains(NoTlsDoor, StringComparison.Ordinal))
                        ((int)reply.StatusCode).ShouldBeLessThan(500, $"{what}: {text}");
                    if ((int)reply.StatusCode < 400)
                        continue;
                    refusals++;
                    if (reply.Content.Headers.ContentType?.MediaType is "application/problem+json")
                        JsonNode.Parse(text)!["code"]!.GetValue<string>().ShouldMatch("^[a-z_]+\\.[a-z0-9_]+$", what);
                    else if (!request.RequestUri!.OriginalString.Contains("/%00", StringComparison.Ordinal)) // the web server itself hangs up on those
                        path.ShouldStartWith("/oauth2/", Case.Sensitive, $"{what} was refused without a problem document: {(int)reply.StatusCode} {text}");
                }
        output.WriteLine($"{requests} requests, {refusals} refused");
        if (document["paths"]?.AsObject().Count > 0)
            refusals.ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("POST", "/v1/bookings", "not json", "application/json", 400)]
    [InlineData("POST", "/v1/bookings", "{\"quoteId\":", "application/json", 400)]
    [InlineData("POST", "/v1/bookings", "{}", "application/json", 400)]
    [InlineData("POST", "/v1/bookings", "{\"quoteId\":\"a\\u0000b\"}", "application/json", 400)]
    [InlineData("POST", "/v1/bookings", "<a/>", "application/xml", 415)]
    [InlineData("PUT", "/v1/bookings", "{}", "application/json", 405)]
    [InlineData("GET", "/v1/nowhere", null, null, 404)]
    [InlineData("GET", "/v1/bookings?cursor=a%00b", null, null, 400)]
    [InlineData("GET", "/v1/vehicles/nearby?lat=NaN&lon=1&radius=10", null, null, 400)]
    [InlineData("GET", "/v1/vehicles/nearby?lat=1e999&lon=1&radius=10", null, null, 400)]
    public async Task Bad_input_is_named_with_a_code(string method, string path, string? body, string? type, int status)
    {
        var rider = await platform.NewRiderAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, type!);
        request.Headers.Add("Idempotency-Key", "fuzz");
        using var reply = await rider.Http.SendAsync(request);
        var text = await reply.Content.ReadAsStringAsync();
        ((int)reply.StatusCode).ShouldBe(status, text);
        JsonNode.Parse(text)!["code"]!.GetValue<string>().ShouldNotBeEmpty();
    }

    private async Task<IReadOnlyList<FuzzCaller>> CallersAsync()
    {
        var (one, other) = (await platform.NewRiderAsync(), await platform.NewRiderAsync());
        var vehicle = await platform.NewVehicleAsync();
        var booking = await one.BookAsync(vehicle.Id);
        var broken = platform.NewClient("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.");
        string[] known = [booking, vehicle.Id.ToString(), one.Id.ToString(), "tiny"];
        return
        [
            new("rider", one.Http, known), new("another rider", other.Http, known), new("admin", platform.StaffClient(), known),
            new("support", platform.StaffClient("support_agent"), known), new("vehicle", vehicle.Http, known), new("nobody", platform.Http, known),
            new("a forger", broken, known),
        ];
    }
}

/// <summary>Somebody who calls, and ids that exist: mostly other people's.</summary>
internal sealed record FuzzCaller(string Name, HttpClient Http, IReadOnlyList<string> KnownIds);

/// <summary>Invents one request from a document: near the schema, then bent.</summary>
internal sealed class Invention(Random random, JsonNode document, IReadOnlyList<FuzzCaller> callers)
{
    private static readonly string[] NastyTexts =
    [
        "", " ", "null", "-1", "0", "1e309", "99999999999999999999999999", "NaN", "true", "[]", "{}", "' OR 1=1 --", "\"; DROP TABLE holds; --", "../../etc/passwd", "%00",
        "\u202Eabc", "💥💥💥", "ﬀ", "a\u0301", "\u0000", "\ud800", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z",
        new('x', 3_000), "booking_00000000000000000000000000", "veh_7zzzzzzzzzzzzzzzzzzzzzzzzz", "quote_8zzzzzzzzzzzzzzzzzzzzzzzzz", "EUR", "tok_visa",
    ];

    private static readonly string[] NastyJson =
    [
        "null", "true", "-1", "0", "1e400", "-9223372036854775809", "9223372036854775807", "1.5", "\"\"", "\"\\u0000\"", "\"\\ud800\"", "[]", "{}", "[[]]", "{\"a\":1}", "\"x\"",
        "1e-400", "\"2026-02-30T00:00:00Z\"", "123456789012345678901234567890",
    ];

    public HttpRequestMessage Request(string method, string path, JsonObject operation)
    {
        var query = new List<string>();
        foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
        {
            var name = parameter!["name"]!.GetValue<string>();
            if (parameter["in"]!.GetValue<string>() == "path")
                path = path.Replace($"{{{name}}}", Uri.EscapeDataString(Text()).Replace("%EF%BF%BD", "%ff"), StringComparison.Ordinal);
            else if (parameter["in"]!.GetValue<string>() == "query" && random.Next(3) > 0)
                query.Add($"{name}={Uri.EscapeDataString(random.Next(2) == 0 ? Text() : random.Next(-5, 120).ToString())}");
        }
        var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), query.Count == 0 ? path : $"{path}?{string.Join('&', query)}");
        if (random.Next(8) > 0)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", random.Next(10) == 0 ? new string('k', 500) : $"k{random.Next(1_000_000)}");
        if (operation["requestBody"]?["content"] is JsonObject content)
            request.Content = Body(content);
        return request;
    }

    private HttpContent Body(JsonObject content)
    {
        var (type, media) = content.First();
        var schema = media!["schema"];
        if (type.Contains("form", StringComparison.Ordinal))
            return new StringContent($"grant_type={Uri.EscapeDataString(Text())}&client_id={Uri.EscapeDataString(Text())}&refresh_token={Uri.EscapeDataString(Text())}", Encoding.UTF8,
                "application/x-www-form-urlencoded");
        var json = Value(schema, 0);
        var bytes = random.Next(12) switch
        {
            0 => Encoding.Unicode.GetBytes(json),
            1 => [.. Encoding.UTF8.GetBytes(json), 0xff, 0xfe],
            2 => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("[", 2_000)) + string.Concat(Enumerable.Repeat("]", 2_000))),
            3 => Encoding.UTF8.GetBytes(json)[..(json.Length / 2)],
            4 => [],
            5 => Encoding.UTF8.GetBytes(NastyJson[random.Next(NastyJson.Length)]),
            6 => Encoding.UTF8.GetBytes(json.Replace("\"", "\"\0", StringComparison.Ordinal)),
            _ => Encoding.UTF8.GetBytes(json),
        };
        var body = new ByteArrayContent(bytes);
        body.Headers.ContentType = MediaTypeHeaderValue.Parse(random.Next(15) switch { 0 => "text/plain", 1 => "application/json; charset=utf-16", _ => "application/json" });
        return body;
    }

    private string Value(JsonNode? schema, int depth)
    {
        if (schema?["$ref"]?.GetValue<string>() is { } reference)
            schema = document["components"]!["schemas"]![reference[(reference.LastIndexOf('/') + 1)..]];
        if (random.Next(6) == 0 || depth > 6)
            return NastyJson[random.Next(NastyJson.Length)];
        if (schema?["properties"] is JsonObject properties)
        {
            var members = properties.Where(_ => random.Next(10) > 0).Select(p => $"\"{p.Key}\":{Value(p.Value, depth + 1)}").ToList();
            if (random.Next(10) == 0)
                members.Add("\"surplus\":1");
            return $"{{{string.Join(',', members)}}}";
        }
        if (schema?["enum"] is JsonArray { Count: > 0 } names && random.Next(4) > 0)
            return names[random.Next(names.Count)]?.ToJsonString() ?? "null";
        var type = schema?["type"] is JsonArray several ? several[0]!.GetValue<string>() : (schema?["type"] as JsonValue)?.GetValue<string>();
        return type switch
        {
            "integer" or "number" => random.Next(3) == 0 ? NastyJson[random.Next(NastyJson.Length)] : random.Next(-10, 200).ToString(),
            "boolean" => random.Next(2) == 0 ? "true" : "false",
            "array" => $"[{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => Value(schema!["items"], depth + 1)))}]",
            _ => JsonSerializer.Serialize(Text()),
        };
    }

    private string Text() => random.Next(3) switch
    {
        0 => callers[0].KnownIds[random.Next(callers[0].KnownIds.Count)],
        1 => Id.Format(AccountId.From(new Guid(random.Next(), 0, 0, new byte[8]))),
        _ => NastyTexts[random.Next(NastyTexts.Length)],
    };
}
