using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Mobility.Edge.Unlock;
using Mobility.Edge.Wire;
using Mobility.Platform;

namespace Mobility.Edge.Provisioning;

/// <summary>How a device that has never been switched on finds out what it is.</summary>
/// <param name="Platform">Address of the platform.</param>
/// <param name="Serial">Printed on the board.</param>
/// <param name="Secret">Its enrollment secret, if it was registered with one.</param>
/// <param name="DataFolder">The agent's own folder.</param>
internal sealed record EnrollmentOrder(Uri Platform, string Serial, string? Secret, string DataFolder);

/// <summary>The platform will never let this device in as it is.</summary>
internal sealed class EnrollmentRefusedException(string sentence) : Exception(sentence);

/// <summary>Zero-touch provisioning (FLT-2) as the device sees it, and the renewal of its certificate (FLT-11).</summary>
internal static partial class Enrollment
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // One for all agents of the process: it holds connections, not state.
    private static readonly HttpClient Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = Patience })
    {
        Timeout = Patience,
        MaxResponseContentBufferSize = 64 * 1024,
    };

    private sealed record EnrollBody(string Serial, string Request, string? Secret);

    private sealed record RenewBody(string Serial, string Request);

    private sealed record Renewed(string Certificate, string Authority);

    private sealed record Refusal(string? Code, string? Detail);

    /// <summary>
    /// What the folder knows, else what the platform says; asked until it answers, since the device may be switched on before staff have registered it. The answer
    /// is on the disk before it is used; one that got lost is given again.
    /// </summary>
    /// <exception cref="EnrollmentRefusedException">Nothing that time could mend.</exception>
    public static async Task<DeviceIdentity> RunAsync(EnrollmentOrder order, TimeProvider clock, Random random, ILogger log, CancellationToken ct)
    {
        var folder = new IdentityFolder(order.DataFolder);
        if (folder.Read() is { } known)
            return known;
        for (var failures = 1; ; failures++)
        {
            string reason;
            try
            {
                (var identity, reason) = await AskAsync(order, folder, ct);
                if (identity is not null)
                {
                    folder.Write(identity);
                    return identity;
                }
            }
            catch (Exception e) when (e is HttpRequestException or JsonException || (e is OperationCanceledException && !ct.IsCancellationRequested))
            {
                reason = e is HttpRequestException http ? http.HttpRequestError.ToString() : "no_answer";
            }
            var pause = Reconnect.After(failures, random.NextDouble());
            LogNotEnrolled(log, reason, pause);
            await Task.Delay(pause, clock, ct);
        }
    }

    private static async Task<(DeviceIdentity? Identity, string Reason)> AskAsync(EnrollmentOrder order, IdentityFolder folder, CancellationToken ct)
    {
        using var reply = await Http.PostAsJsonAsync(new Uri(order.Platform, "/v1/device-enrollments"),
            new EnrollBody(order.Serial, folder.SigningRequest(order.Serial), order.Secret), MobilityJson.Http, ct);
        if (reply.StatusCode == HttpStatusCode.Created)
        {
            var identity = await reply.Content.ReadFromJsonAsync<DeviceIdentity>(MobilityJson.Stored, ct) ?? throw new JsonException("The platform said nothing.");
            return new[] { identity.UnlockKeys, identity.UpdateKeys, identity.Renewals }.All(KeyFetch.MayBelieve)
                ? (identity, "")
                : (null, "address_without_tls"); // the operator's to mend: Telemetry:PublicUrl behind a proxy
        }
        var refusal = await ReadRefusalAsync(reply, ct);
        if (reply.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.Conflict or HttpStatusCode.UnprocessableEntity)
            throw new EnrollmentRefusedException($"The platform refuses this device: {refusal.Detail ?? refusal.Code} ({refusal.Code})");
        return (null, refusal.Code ?? $"status_{(int)reply.StatusCode}");
    }

    /// <summary>A new certificate for the same key, kept in the folder; null and the reason when there is none to be had.</summary>
    public static async Task<(DeviceIdentity? Identity, string? Fault)> RenewAsync(CertificateRenewal renewal, CancellationToken ct)
    {
        try
        {
            var folder = new IdentityFolder(renewal.DataFolder);
            if (folder.Read() is not { } identity)
                return (null, "not_enrolled");
            using var reply = await Http.PostAsJsonAsync(identity.Renewals, new RenewBody(renewal.Serial, folder.SigningRequest(renewal.Serial)), MobilityJson.Http, ct);
            if (reply.StatusCode != HttpStatusCode.Created)
                return (null, (await ReadRefusalAsync(reply, ct)).Code ?? $"status_{(int)reply.StatusCode}");
            var renewed = await reply.Content.ReadFromJsonAsync<Renewed>(MobilityJson.Stored, ct) ?? throw new JsonException("The platform said nothing.");
            identity = identity with { Certificate = renewed.Certificate, Authority = renewed.Authority };
            folder.Write(identity);
            return (identity, null);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or OperationCanceledException or IOException or UnauthorizedAccessException)
        {
            return (null, e.Message);
        }
    }

    private static async Task<Refusal> ReadRefusalAsync(HttpResponseMessage reply, CancellationToken ct)
    {
        try
        {
            return await reply.Content.ReadFromJsonAsync<Refusal>(MobilityJson.Stored, ct) ?? new Refusal(null, null);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException)
        {
            return new Refusal(null, null); // something between us and the platform answered
        }
    }

    [LoggerMessage(EventId = 21_040, Level = LogLevel.Warning, Message = "The device is not enrolled yet ({Reason}) and asks again in {Pause}.")]
    private static partial void LogNotEnrolled(ILogger log, string reason, TimeSpan pause);
}
