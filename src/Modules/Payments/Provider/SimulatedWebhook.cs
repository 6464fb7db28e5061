using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mobility.Platform;
using Mobility.Platform.Http;
using Mobility.Platform.Modules;

namespace Mobility.Payments.Provider;

/// <summary>How the simulated provider tells us what happened: signed HTTP posts to our own door, delivered later and again until they are accepted.</summary>
internal static class SimulatedWebhook
{
    public const string Path = "/v1/payments/webhooks/simulated";
    public const string SignatureHeader = "Simulated-Signature";

    /// <param name="Intent">The provider's intent.</param>
    /// <param name="Reference">Our payment.</param>
    /// <param name="Status">The intent's status when the notice was written; it may be stale when it arrives.</param>
    public sealed record Notice(string Intent, string Reference, string Status);

    public sealed record Message(Notice Notice) : IScheduledMessage;

    /// <summary>Queues a delivery.</summary>
    public static async Task SendLaterAsync(IServiceProvider services, Notice notice, CancellationToken ct)
    {
        var work = services.GetRequiredService<CommandRunner<PaymentsModule>>().NewWork("simulated-provider");
        // The outside world's queue: losing it with the power does no harm, since unanswered questions are asked again.
        work.CommitLazily();
        work.Schedule(work.Now, Id.NewValue(work.Clock), new Message(notice));
        await work.CommitAsync(ct);
    }

    public static Task Handle(Message message, Reaction r, CancellationToken ct) => SendNowAsync(r.Services, message.Notice, ct);

    /// <summary>Posts a notice; throws when it is not accepted.</summary>
    public static async Task SendNowAsync(IServiceProvider services, Notice notice, CancellationToken ct)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(notice, MobilityJson.Stored);
        var secret = await services.GetRequiredService<SimulatedSecret>().GetAsync(ct);
        using var request = new HttpRequestMessage(HttpMethod.Post, AddressOf(services) + Path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(SignatureHeader, Sign(secret, services.GetRequiredService<TimeProvider>().GetUtcNow(), body));
        using var response = await services.GetRequiredService<IHttpClientFactory>().CreateClient("payments").SendAsync(request, ct);
        response.EnsureSuccessStatusCode();
    }

    /// <summary><c>t=seconds,v1=hex</c>, the second being HMAC-SHA256 over <c>seconds.body</c>.</summary>
    public static string Sign(byte[] secret, DateTimeOffset at, ReadOnlySpan<byte> body)
    {
        var seconds = at.ToUnixTimeSeconds();
        return $"t={seconds},v1={Convert.ToHexStringLower(Mac(secret, seconds, body))}";
    }

    /// <summary>Whether the header signs this body, not longer ago than the tolerance; compared in constant time.</summary>
    public static bool Verify(byte[] secret, string header, ReadOnlySpan<byte> body, DateTimeOffset now, TimeSpan tolerance)
    {
        if (header.Split(',') is not [['t', '=', .. var time], ['v', '1', '=', .. var hex]] || hex.Length != 64
            || !long.TryParse(time, System.Globalization.NumberStyles.None, null, out var seconds) || time.Length > 12
            || Math.Abs(now.ToUnixTimeSeconds() - seconds) > tolerance.TotalSeconds)
            return false;
        Span<byte> given = stackalloc byte[32];
        return Convert.FromHexString(hex, given, out _, out var written) == System.Buffers.OperationStatus.Done && written == 32
            && CryptographicOperations.FixedTimeEquals(given, Mac(secret, seconds, body));
    }

    private static byte[] Mac(byte[] secret, long seconds, ReadOnlySpan<byte> body)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        mac.AppendData(Encoding.ASCII.GetBytes($"{seconds}."));
        mac.AppendData(body);
        return mac.GetHashAndReset();
    }

    private static string AddressOf(IServiceProvider services) =>
        services.GetRequiredService<IOptions<PaymentsOptions>>().Value.SimulatedWebhookUrl?.TrimEnd('/')
        ?? services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault()?.Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal)
        ?? throw new ProviderUnavailableException("This process listens nowhere yet.");
}
