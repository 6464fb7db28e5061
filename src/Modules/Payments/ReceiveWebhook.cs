using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Payments.Provider;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Payments;

/// <summary>
/// The provider says that something changed. We believe only that: the payment's next step asks the provider itself, so a notice that
/// comes twice, late, out of order or with wrong amounts can do no harm.
/// </summary>
internal static class ReceiveWebhook
{
    public const int BodyBytesMax = 16 * 1024;
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    public static bool Decide(PaymentState state) => state.Hold is Hold.Requested or Hold.ActionRequired or Hold.Pending;

    public static void Map(IEndpointRouteBuilder app) => app.MapPost(SimulatedWebhook.Path, Handle).WithName("ReceiveWebhook").OpenToAll()
        .Accepts<SimulatedWebhook.Notice>("application/json").Produces(StatusCodes.Status204NoContent).ProducesProblem(400).ProducesProblem(413);

    public static async Task<IResult> Handle(
        HttpContext http, Database<PaymentsModule> database, CommandRunner<PaymentsModule> commands, SimulatedSecret secrets, TimeProvider clock, CancellationToken ct)
    {
        var body = await ReadAsync(http.Request, ct);
        if (body is null)
            return Problem.Invalid("payments.webhook_too_large", $"A notice has at most {BodyBytesMax} bytes.").ToResult();
        var secret = await secrets.GetAsync(ct);
        if (!SimulatedWebhook.Verify(secret, http.Request.Headers[SimulatedWebhook.SignatureHeader].ToString(), body, clock.GetUtcNow(), Tolerance))
            return Problem.Invalid("payments.webhook_signature", "The signature is missing, wrong or too old.", SimulatedWebhook.SignatureHeader).ToResult();
        if (!TryRead(body, out var payment))
            return Problem.Invalid("payments.webhook_malformed", "The notice names no payment of ours.").ToResult();
        var loaded = await EventStreams.LoadAsync(database, PaymentStream.Type, payment.Value, ct);
        if (Decide(loaded.State))
        {
            var work = commands.NewWork("webhook");
            work.Schedule(work.Now, payment.Value, new CallProvider.Message(payment, Failures: 0, NewMeans: false));
            await work.CommitAsync(ct);
        }
        return TypedResults.NoContent();
    }

    private static bool TryRead(byte[] body, out PaymentId payment)
    {
        payment = default;
        try
        {
            if (JsonSerializer.Deserialize<SimulatedWebhook.Notice>(body, MobilityJson.Stored) is not { } notice || !Guid.TryParse(notice.Reference, out var reference))
                return false;
            payment = PaymentId.From(reference);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static async Task<byte[]?> ReadAsync(HttpRequest request, CancellationToken ct)
    {
        using var buffer = new MemoryStream();
        var chunk = new byte[4096];
        while (await request.Body.ReadAsync(chunk, ct) is > 0 and var read)
        {
            buffer.Write(chunk, 0, read);
            if (buffer.Length > BodyBytesMax)
                return null;
        }
        return buffer.ToArray();
    }
}
