using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Twin.Client;

/// <summary>
/// The platform's HTTP API as riders, crews and vehicles call it, over kept connections. Knows paths and bodies, not who calls: each call takes the caller's
/// access token, see <see cref="Visitor"/>.
/// </summary>
public sealed class PlatformClient : IDisposable
{
    /// <summary>Connections of a whole city; more would only queue at the platform's door.</summary>
    public const int CityConnectionsMax = 256;

    /// <summary>Longest wait for a reply; longer is a failure.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private const string NotConnected = "client.not_connected";
    private static readonly TimeSpan RepeatAfter = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LookFirst = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LookMax = TimeSpan.FromMilliseconds(20);
    private readonly HttpClient _http;
    private readonly LatencyBook _latencies;

    /// <summary>How long a request without an answer is repeated; not at all unless said.</summary>
    public TimeSpan RepeatsFor { get; init; }

    /// <summary>Talks to a platform.</summary>
    /// <param name="address">For example <c>http://127.0.0.1:8080</c>.</param>
    /// <param name="connectionsMax">Connections that are kept at most.</param>
    /// <param name="latencies">Where the time of each request is noted.</param>
    public PlatformClient(Uri address, int connectionsMax, LatencyBook latencies)
    {
        _latencies = latencies;
        var connections = new SocketsHttpHandler
        {
            MaxConnectionsPerServer = connectionsMax,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
        };
        _http = new HttpClient(connections)
        {
            BaseAddress = address,
            Timeout = Patience,
        };
    }

    /// <summary>Somebody registers.</summary>
    public Task<Answer<Nothing>> RegisterAsync(string email, string phone, string password, string name, CancellationToken ct) => SendAsync<Nothing>("register",
        HttpMethod.Post, "/v1/accounts", null, new { email, phone, password, displayName = name, language = "en", birthDate = "1990-01-01" }, null, ct);

    /// <summary>Signs a person in.</summary>
    public Task<Answer<TokenReply>> SignInAsync(string email, string password, CancellationToken ct) => TokenAsync("sign_in", new()
    {
        ["grant_type"] = "password",
        ["username"] = email,
        ["password"] = password,
        ["client_id"] = "cli",
    }, ct);

    /// <summary>Exchanges a refresh token.</summary>
    public Task<Answer<TokenReply>> RefreshAsync(string refreshToken, CancellationToken ct) => TokenAsync("refresh_token", new()
    {
        ["grant_type"] = "refresh_token",
        ["refresh_token"] = refreshToken,
        ["client_id"] = "cli",
    }, ct);

    /// <summary>What the development mailbox holds for an address.</summary>
    public Task<Answer<MailboxReply>> FindMailAsync(string to, CancellationToken ct) =>
        SendAsync<MailboxReply>("mailbox", HttpMethod.Get, $"/dev/mailbox.json?to={Uri.EscapeDataString(to)}", null, null, null, ct);

    /// <summary>The own account.</summary>
    public Task<Answer<AccountReply>> GetAccountAsync(string token, CancellationToken ct) =>
        SendAsync<AccountReply>("account", HttpMethod.Get, "/v1/accounts/me", token, null, null, ct);

    /// <summary>Proves a channel (<c>email</c> or <c>phone</c>).</summary>
    public Task<Answer<Nothing>> VerifyAsync(string token, string channel, string code, CancellationToken ct) =>
        SendAsync<Nothing>("verify", HttpMethod.Post, "/v1/accounts/me/verify", token, new { channel, code }, null, ct);

    /// <summary>Accepts the terms.</summary>
    public Task<Answer<Nothing>> AcceptTermsAsync(string token, string version, CancellationToken ct) =>
        SendAsync<Nothing>("terms", HttpMethod.Post, "/v1/accounts/me/terms", token, new { version }, null, ct);

    /// <summary>Puts a payment method on file.</summary>
    public Task<Answer<Nothing>> AddPaymentMethodAsync(string token, string method, CancellationToken ct) =>
        SendAsync<Nothing>("payment_method", HttpMethod.Post, "/v1/payments/methods", token, new { token = method }, null, ct);

    /// <summary>Looks for vehicles that may be taken.</summary>
    public Task<Answer<NearbyReply>> SearchAsync(string token, GeoPoint at, int radiusMeters, int limit, CancellationToken ct, VehicleKind? kind = null)
    {
        var query = string.Create(CultureInfo.InvariantCulture, $"lat={at.LatitudeDegrees}&lon={at.LongitudeDegrees}&radius={radiusMeters}&limit={limit}");
        if (kind is { } wanted)
            query += $"&kind={JsonNamingPolicy.SnakeCaseLower.ConvertName(wanted.ToString())}";
        return SendAsync<NearbyReply>("search", HttpMethod.Get, $"/v1/vehicles/nearby?{query}", token, null, null, ct);
    }

    /// <summary>Asks what a vehicle costs.</summary>
    /// <param name="token">The rider's.</param>
    /// <param name="vehicle">The vehicle.</param>
    /// <param name="window">For cars and vans; null for a ride.</param>
    /// <param name="ct">Gives up.</param>
    public Task<Answer<QuoteReply>> QuoteAsync(string token, VehicleId vehicle, (DateTimeOffset From, DateTimeOffset Until)? window, CancellationToken ct) =>
        SendAsync<QuoteReply>("quote", HttpMethod.Post, "/v1/quotes", token, new { vehicleId = vehicle, from = window?.From, until = window?.Until }, null, ct, isHarmless: true);

    /// <summary>Holds the vehicle of a quote.</summary>
    public Task<Answer<BookingReply>> ReserveAsync(string token, QuoteId quote, string key, CancellationToken ct) =>
        SendAsync<BookingReply>("reserve", HttpMethod.Post, "/v1/bookings", token, new { quoteId = quote, safetyChecklist = true }, key, ct);

    /// <summary>Ends a ride where the vehicle is.</summary>
    public Task<Answer<BookingReply>> EndAsync(string token, BookingId booking, GeoPoint position, string key, CancellationToken ct) =>
        SendAsync<BookingReply>("end", HttpMethod.Post, $"/v1/bookings/{booking}/end", token, new { position }, key, ct);

    /// <summary>Staff end a booking for somebody who cannot.</summary>
    public Task<Answer<BookingReply>> ForceEndAsync(string token, BookingId booking, CancellationToken ct) =>
        SendAsync<BookingReply>("force_end", HttpMethod.Post, $"/v1/bookings/{booking}/force-end", token, null, $"staff-{booking}", ct);

    /// <summary>Confirms, unlocks or cancels a booking.</summary>
    /// <param name="token">The rider's.</param>
    /// <param name="booking">The booking.</param>
    /// <param name="what">The last part of the path: <c>confirm</c>, <c>unlock</c>, <c>cancel</c>.</param>
    /// <param name="key">Of this request, for repetitions.</param>
    /// <param name="ct">Gives up.</param>
    public Task<Answer<BookingReply>> ChangeBookingAsync(string token, BookingId booking, string what, string key, CancellationToken ct) =>
        SendAsync<BookingReply>(what, HttpMethod.Post, $"/v1/bookings/{booking}/{what}", token, null, key, ct);

    /// <summary>A booking as soon as it has a phase or is over, at the latest after some seconds of the machine.</summary>
    public Task<Answer<BookingReply>> WaitForPhaseAsync(string token, BookingId booking, string phase, CancellationToken ct, int seconds = 10) =>
        SendAsync<BookingReply>($"until_{phase}", HttpMethod.Get, $"/v1/bookings/{booking}?waitFor={phase}&seconds={seconds}", token, null, null, ct);

    /// <summary>A booking as it is now.</summary>
    public Task<Answer<BookingReply>> GetBookingAsync(string token, BookingId booking, CancellationToken ct) =>
        SendAsync<BookingReply>("booking", HttpMethod.Get, $"/v1/bookings/{booking}", token, null, null, ct);

    /// <summary>How the money of a booking stands.</summary>
    public Task<Answer<PaymentReply>> GetPaymentAsync(string token, BookingId booking, CancellationToken ct) =>
        SendAsync<PaymentReply>("payment", HttpMethod.Get, $"/v1/payments/{booking}", token, null, null, ct);

    /// <summary>Staff give a vehicle its secret for the MQTT door.</summary>
    public Task<Answer<SecretReply>> IssueDeviceSecretAsync(string token, VehicleId vehicle, CancellationToken ct) =>
        SendAsync<SecretReply>("device_secret", HttpMethod.Post, $"/v1/vehicles/{vehicle}/device-secret", token, null, null, ct);

    /// <summary>Staff take a vehicle into the registry and bring it on the street.</summary>
    public async Task<Answer<Nothing>> RegisterVehicleAsync(
        string token, CityId city, string label, VehicleTypeId type, GeoPoint at, int charge, CancellationToken ct)
    {
        var registered = await SendAsync<Nothing>("register_vehicle", HttpMethod.Post, "/v1/fleet/vehicles", token,
            new { city, label, type, position = at, stateOfChargePercent = charge }, null, ct);
        return registered.Ok
            ? await SendAsync<Nothing>(
                "activate_vehicle", HttpMethod.Post, $"/v1/fleet/vehicles/{VehicleId.Of(city, label)}/activate", token, new Nothing(), null, ct)
            : registered;
    }

    /// <summary>A crew moves a vehicle.</summary>
    public Task<Answer<Nothing>> RelocateAsync(string token, VehicleId vehicle, GeoPoint to, CancellationToken ct) =>
        SendAsync<Nothing>("relocate", HttpMethod.Post, $"/v1/fleet/vehicles/{vehicle}/relocate", token, new { position = to }, null, ct, isHarmless: true);

    /// <summary>A crew fits a charged battery.</summary>
    public Task<Answer<Nothing>> SwapBatteryAsync(string token, VehicleId vehicle, string pack, int charge, CancellationToken ct) =>
        SendAsync<Nothing>("swap", HttpMethod.Post, $"/v1/fleet/vehicles/{vehicle}/battery", token, new { pack, stateOfChargePercent = charge }, null, ct, isHarmless: true);

    /// <summary>Staff rehearse an outage of the simulated payment provider.</summary>
    public Task<Answer<Nothing>> SwitchPaymentsAsync(string token, bool down, CancellationToken ct) =>
        SendAsync<Nothing>("switch_payments", HttpMethod.Put, "/v1/ops/payments/simulated-provider", token, new { down }, null, ct, isHarmless: true);

    /// <summary>A vehicle as riders see it.</summary>
    public Task<Answer<VehicleReply>> GetVehicleAsync(string token, VehicleId vehicle, CancellationToken ct) =>
        SendAsync<VehicleReply>("vehicle", HttpMethod.Get, $"/v1/vehicles/{vehicle}", token, null, null, ct);

    /// <summary>Looks again and again, with growing pauses, until it is so; false when it is not in time.</summary>
    public static async Task<bool> LookAsync(Func<Task<bool>> look, TimeSpan atMost, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        for (var pause = LookFirst; ; pause = pause * 2 < LookMax ? pause * 2 : LookMax)
        {
            if (await look())
                return true;
            if (Stopwatch.GetElapsedTime(began) > atMost)
                return false;
            await Task.Delay(pause, ct);
        }
    }

    /// <summary>Any request of the API.</summary>
    /// <typeparam name="T">What is read of the reply.</typeparam>
    /// <param name="step">The name under which its time is noted.</param>
    /// <param name="method">HTTP method.</param>
    /// <param name="path">With its query.</param>
    /// <param name="token">Access token; null for nobody.</param>
    /// <param name="body">Written as JSON; null for none.</param>
    /// <param name="key">Idempotency-Key; null for none.</param>
    /// <param name="ct">Gives up.</param>
    /// <param name="isHarmless">Whether it may be repeated without a key too.</param>
    public Task<Answer<T>> SendAsync<T>(
        string step, HttpMethod method, string path, string? token, object? body, string? key, CancellationToken ct, bool isHarmless = false) where T : class => SendAsync<T>(step, () =>
    {
        var request = new HttpRequestMessage(method, path) { Version = HttpVersion.Version11 };
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        if (body is not null)
            request.Content = JsonContent.Create(body, body.GetType(), options: MobilityJson.Stored);
        return request;
    }, isHarmless || key is not null || method == HttpMethod.Get, ct);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private Task<Answer<TokenReply>> TokenAsync(string step, Dictionary<string, string> form, CancellationToken ct) => SendAsync<TokenReply>(
        step, () => new HttpRequestMessage(HttpMethod.Post, "/oauth2/token") { Content = new FormUrlEncodedContent(form) }, mayRepeat: true, ct);

    /// <summary>As an app does: what was not answered is asked again for a while, unless it could happen twice.</summary>
    private async Task<Answer<T>> SendAsync<T>(string step, Func<HttpRequestMessage> make, bool mayRepeat, CancellationToken ct) where T : class
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            using var request = make();
            var answer = await SendAsync<T>(step, request, ct);
            if (answer.Status != 0 || !(mayRepeat || answer.Code == NotConnected) || Stopwatch.GetElapsedTime(began) > RepeatsFor)
                return answer;
            await Task.Delay(RepeatAfter, ct);
        }
    }

    private async Task<Answer<T>> SendAsync<T>(string step, HttpRequestMessage request, CancellationToken ct) where T : class
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            using var response = await _http.SendAsync(request, ct);
            var status = (int)response.StatusCode;
            var content = await response.Content.ReadAsByteArrayAsync(ct);
            if (response.IsSuccessStatusCode)
            {
                var unread = typeof(T) == typeof(Nothing) || content.Length == 0;
                return new(status, unread ? (T?)(object)new Nothing() : JsonSerializer.Deserialize<T>(content, MobilityJson.Stored), null, null);
            }
            var (code, detail) = Problem(content);
            code ??= $"http.{status.ToString(CultureInfo.InvariantCulture)}";
            _latencies.NoteProblem(step, code);
            return new(status, null, code, detail);
        }
        catch (Exception broken) when (broken is HttpRequestException or JsonException || (broken is TaskCanceledException && !ct.IsCancellationRequested))
        {
            var code = broken switch
            {
                TaskCanceledException => "client.no_reply",
                HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => NotConnected,
                _ => "client.broken_reply",
            };
            _latencies.NoteProblem(step, code);
            return new(0, null, code, broken.Message);
        }
        finally
        {
            _latencies.Note(step, Stopwatch.GetElapsedTime(began));
        }
    }

    /// <summary>A problem document's code, or an OAuth error's.</summary>
    private static (string? Code, string? Detail) Problem(byte[] content)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            return (Text("code") ?? Text("error"), Text("detail") ?? Text("error_description"));

            string? Text(string name) =>
                document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(name, out var member) ? member.ToString() : null;
        }
        catch (JsonException)
        {
            return (null, null);
        }
    }
}
