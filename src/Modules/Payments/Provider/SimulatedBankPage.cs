using System.Net.Mime;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Payments.Provider;

/// <summary>The page of a bank that does not exist, where a rider approves or refuses a payment (3-D Secure). Whoever holds the link may answer, as there.</summary>
internal static class SimulatedBankPage
{
    private const string IntentForm = "{intent:regex(^sim_pi_[0-9a-f]{{32}}$)}";

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet($"{SimulatedPaymentProvider.ChallengePath}/{IntentForm}", Show).WithName("ShowSimulatedChallenge").OpenToAll()
            .Produces<string>(StatusCodes.Status200OK, MediaTypeNames.Text.Html);
        app.MapPost($"{SimulatedPaymentProvider.ChallengePath}/{IntentForm}/approve",
            (string intent, SimulatedPaymentProvider provider, CancellationToken ct) => AnswerAsync(provider, intent, approved: true, ct))
            .WithName("ApproveSimulatedChallenge").OpenToAll().Produces<string>(StatusCodes.Status200OK, MediaTypeNames.Text.Html).ProducesProblem(409);
        app.MapPost($"{SimulatedPaymentProvider.ChallengePath}/{IntentForm}/decline",
            (string intent, SimulatedPaymentProvider provider, CancellationToken ct) => AnswerAsync(provider, intent, approved: false, ct))
            .WithName("DeclineSimulatedChallenge").OpenToAll().Produces<string>(StatusCodes.Status200OK, MediaTypeNames.Text.Html).ProducesProblem(409);
    }

    private static IResult Show(string intent) => Page($"""
        <h1>Simulated bank</h1><p>Is this payment yours?</p>
        <form method="post" action="{SimulatedPaymentProvider.ChallengePath}/{intent}/approve"><button>Approve</button></form>
        <form method="post" action="{SimulatedPaymentProvider.ChallengePath}/{intent}/decline"><button>Decline</button></form>
        """);

    private static async Task<IResult> AnswerAsync(SimulatedPaymentProvider provider, string intent, bool approved, CancellationToken ct) =>
        await provider.AnswerChallengeAsync(intent, approved, ct) is null
            ? Problem.Conflict("payments.challenge_over", "There is no open question under this link.").ToResult()
            : Page($"<h1>Simulated bank</h1><p>{(approved ? "Approved" : "Declined")}. You can go back to your ride.</p>");

    private static IResult Page(string body) => TypedResults.Content(
        $"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Simulated bank</title></head><body>{body}</body></html>", MediaTypeNames.Text.Html, Encoding.UTF8);
}
