using System.Text.RegularExpressions;
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

/// <summary>A method of a rider.</summary>
internal readonly record struct MethodId(Guid Value) : IId<MethodId>
{
    public static string Prefix => "paymethod";

    public static MethodId From(Guid value) => new(value);

    public static bool TryParse(string? text, IFormatProvider? provider, out MethodId id) => Id.TryParse(text, out id);

    public override string ToString() => Id.Format(this);
}

/// <summary>What a rider sees of a method; never more than the last four digits.</summary>
internal sealed record MethodView(MethodId Id, string Brand, string Last4, DateTimeOffset AddedAt);

/// <summary>A rider puts a method on file: a token that the provider gave to the rider's app, or <c>wallet</c> to pay from the balance only (PAY-2).</summary>
internal static partial class AddPaymentMethod
{
    public const int TokenLengthMax = 64;

    public sealed record Body(string Token);

    /// <summary>A token has the provider's form. Anything that could be a card number is refused and appears nowhere, not even in the refusal.</summary>
    public static Problem? Check(string token) => LooksLikeCardNumber().IsMatch(token)
        ? Problem.Unprocessable("payments.card_data_refused", "This looks like a card number. Send the provider's token; card data must never reach us.", "token")
        : token.Length > TokenLengthMax || (token != PaymentState.WalletToken && !TokenForm().IsMatch(token))
            ? Problem.Invalid("payments.method_token", "Send 'wallet' or a token that begins with 'tok_' and goes on with a-z, 0-9 and '_'.", "token")
            : null;

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/payments/methods", Handle).WithName("AddPaymentMethod")
        .RequirePermission("payments.self").LimitPerMinute("payment_methods", 10)
        .Produces<MethodView>(StatusCodes.Status201Created).ProducesProblem(400).ProducesProblem(409).ProducesProblem(422).ProducesProblem(503);

    public static async Task<IResult> Handle(Body body, Caller caller, HttpContext http, CommandRunner<PaymentsModule> commands, Database<PaymentsModule> database,
        IPaymentProvider provider, CancellationToken ct)
    {
        if (Check(body.Token) is { } problem)
            return problem.ToResult();
        MethodDescription? description;
        try
        {
            description = body.Token == PaymentState.WalletToken ? new("wallet", "") : await provider.DescribeAsync(body.Token, ct);
        }
        catch (ProviderUnavailableException)
        {
            return new Problem(ProblemKind.Unavailable, "payments.provider_unavailable", "The payment provider does not answer; try again.").ToResult();
        }
        if (description is null)
            return Problem.Unprocessable("payments.unknown_token", "The provider does not know this token.", "token").ToResult();
        return await commands.RunAsync(http, caller, async (work, token) =>
        {
            var existing = await database.QueryAsync<Row>("SELECT method_id, token, added_at FROM methods WHERE account_id = @Subject ORDER BY added_at, method_id LIMIT 100",
                new { caller.Subject }, token);
            if (existing.FirstOrDefault(m => m.Token == body.Token) is { } same)
                return Outcome.Created(new MethodView(MethodId.From(same.MethodId), description.Brand, description.Last4, new DateTimeOffset(same.AddedAt)));
            if (existing.Count >= Methods.PerAccountMax)
                return Problem.Conflict("payments.too_many_methods", $"An account keeps at most {Methods.PerAccountMax} methods; remove one first.");
            var view = new MethodView(Id.New<MethodId>(work.Clock), description.Brand, description.Last4, work.Now);
            work.Execute("INSERT INTO methods (method_id, account_id, token, brand, last4, added_at) VALUES ($1, $2, $3, $4, $5, $6)",
                view.Id.Value, caller.Subject, body.Token, view.Brand, view.Last4, work.Now);
            work.OnLaw("methods_once", () => Problem.Conflict("payments.method_exists", "This method was added by another request just now."));
            if (existing.Count == 0)
                work.Publish(caller.Subject, new PaymentMethodAddedV1(AccountId.From(caller.Subject)));
            if (body.Token != PaymentState.WalletToken)
                await RetryOutstanding.ScheduleAsync(database, work, AccountId.From(caller.Subject), token);
            return Outcome.Created(view);
        }, ct);
    }

    private sealed record Row(Guid MethodId, string Token, DateTime AddedAt);

    /// <summary>Twelve or more digits, also with spaces, dashes or dots between them.</summary>
    [GeneratedRegex(@"[0-9](?:[\s.\-_]?[0-9]){11,}")]
    private static partial Regex LooksLikeCardNumber();

    [GeneratedRegex(@"\Atok_[a-z0-9_]+\z")]
    private static partial Regex TokenForm();
}
