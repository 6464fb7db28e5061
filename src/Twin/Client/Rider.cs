namespace Mobility.Twin.Client;

/// <summary>A registered rider who may book.</summary>
public sealed class Rider(string email, Visitor visitor)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Signs in with it.</summary>
    public string Email { get; } = email;

    /// <summary>Tells riders apart.</summary>
    public int Number { get; private init; }

    /// <summary>A valid access token.</summary>
    public Task<string> TokenAsync(CancellationToken ct) => visitor.TokenAsync(ct);

    /// <summary>The whole way of a person to the first booking: register, prove e-mail and phone with the mailbox's codes, accept the terms, leave a card.</summary>
    /// <param name="client">The platform.</param>
    /// <param name="clock">The platform's.</param>
    /// <param name="number">Tells riders apart; also in the phone number.</param>
    /// <param name="method">Token of the simulated provider, for example <c>tok_visa</c>.</param>
    /// <param name="ct">Gives up.</param>
    /// <param name="domain">Of the e-mail address.</param>
    /// <exception cref="RefusedException">The platform refuses a step.</exception>
    public static async Task<Rider> RegisterAsync(
        PlatformClient client, TimeProvider clock, int number, string method, CancellationToken ct, string domain = "replay.example")
    {
        var (email, phone, password) = (EmailOf(number, domain), $"+1201555{number:00000}", PasswordOf(number));
        (await client.RegisterAsync(email, phone, password, $"Rider {number}", ct)).Require("register");
        var visitor = Visitor.Person(client, clock, email, password);
        var token = await visitor.TokenAsync(ct);
        (await client.VerifyAsync(token, "email", await CodeAsync(client, email, ct), ct)).Require("verify_email");
        (await client.VerifyAsync(token, "phone", await CodeAsync(client, phone, ct), ct)).Require("verify_phone");
        var account = (await client.GetAccountAsync(token, ct)).Require("account");
        (await client.AcceptTermsAsync(token, account.CurrentTerms, ct)).Require("terms");
        (await client.AddPaymentMethodAsync(token, method, ct)).Require("payment_method");
        if (!await PlatformClient.LookAsync(async () => (await client.GetAccountAsync(token, ct)).Require("account").Bookable, Patience, ct))
            throw new RefusedException("registration", "client.never_bookable", email);
        visitor.Forget();
        return new Rider(email, visitor) { Number = number };
    }

    /// <summary>The rider who registered with a number before.</summary>
    public static Rider Find(PlatformClient client, TimeProvider clock, int number, string domain = "replay.example") =>
        new(EmailOf(number, domain), Visitor.Person(client, clock, EmailOf(number, domain), PasswordOf(number))) { Number = number };

    /// <summary>Who registered in an earlier run; null when nobody did, or did not come to the end.</summary>
    public static async Task<Rider?> ComeBackAsync(PlatformClient client, TimeProvider clock, int number, string domain, CancellationToken ct)
    {
        var visitor = Visitor.Person(client, clock, EmailOf(number, domain), PasswordOf(number));
        try
        {
            var token = await visitor.TokenAsync(ct);
            return (await client.GetAccountAsync(token, ct)).Require("account").Bookable ? new Rider(EmailOf(number, domain), visitor) { Number = number } : null;
        }
        catch (RefusedException)
        {
            return null;
        }
    }

    private static string EmailOf(int number, string domain) => $"rider-{number:00000}@{domain}";

    private static string PasswordOf(int number) => $"replay-rider-{number:00000}";

    private static async Task<string> CodeAsync(PlatformClient client, string address, CancellationToken ct)
    {
        string? code = null;
        await PlatformClient.LookAsync(async () =>
        {
            var mails = (await client.FindMailAsync(address, ct)).Require("mailbox").Messages;
            code = mails.FirstOrDefault(mail => mail.Template == "code")?.Values.GetValueOrDefault("code");
            return code is not null;
        }, Patience, ct);
        return code ?? throw new RefusedException("mailbox", "client.no_code", address);
    }
}
