using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Payments;

/// <summary>One posting of the ledger; its id makes a repetition impossible.</summary>
internal readonly record struct PostingId(Guid Value) : IId<PostingId>
{
    public static string Prefix => "posting";

    public static PostingId From(Guid value) => new(value);

    public override string ToString() => Id.Format(this);

    /// <summary>The posting that a stream's event makes: one event, at most one posting.</summary>
    public static PostingId Of(PaymentId payment, int version) => Id.Named<PostingId>(payment.ToString(), version.ToString());
}

/// <summary>One line of a posting: debit is positive, credit negative.</summary>
/// <param name="Account">The account.</param>
/// <param name="Amount">Minor units of the posting's currency.</param>
/// <param name="WalletOf">The rider whose spendable balance this moves; null for every other account.</param>
internal sealed record Entry(string Account, long Amount, AccountId? WalletOf = null)
{
    /// <summary>What the rider owes us.</summary>
    public static Entry Receivable(AccountId rider, long amount) => new($"receivable:{rider}", amount);

    /// <summary>Credit that the rider may spend: we owe it, so a credit entry makes it larger.</summary>
    public static Entry Wallet(AccountId rider, long amount) => new($"wallet:{rider}", amount, rider);

    /// <summary>Credit that is kept for a booking.</summary>
    public static Entry WalletHold(AccountId rider, long amount) => new($"wallet_hold:{rider}", amount);

    /// <summary>What the provider took for us and will pay out.</summary>
    public static Entry Clearing(string provider, long amount) => new($"clearing:{provider}", amount);

    public static Entry Revenue(CityId city, long amount) => new($"revenue:{city}", amount);

    public static Entry Vat(CityId city, long amount) => new($"vat:{city}", amount);

    /// <summary>Credit that we give away.</summary>
    public static Entry Goodwill(long amount) => new("goodwill", amount);
}

/// <summary>Entries of one currency that sum to zero.</summary>
internal sealed record Posting
{
    public Posting(PostingId id, string kind, Guid reference, Currency currency, params IReadOnlyList<Entry> entries)
    {
        (Id, Kind, Reference, Currency) = (id, kind, reference, currency);
        Entries = [.. entries.Where(e => e.Amount != 0)];
        // The law holds in Release too; the database checks it once more.
        if (Entries.Sum(e => e.Amount) != 0)
            throw new InvalidOperationException($"The posting {kind} {id} does not sum to zero.");
    }

    public PostingId Id { get; }

    /// <summary>charge, credit, capture, wallet_hold, wallet_capture, wallet_release, grant.</summary>
    public string Kind { get; }

    /// <summary>The payment or the account that it is about.</summary>
    public Guid Reference { get; }

    public Currency Currency { get; }

    public IReadOnlyList<Entry> Entries { get; }
}

/// <summary>The ledger's only writer.</summary>
internal static class Ledger
{
    private const string InsertSql = """
        INSERT INTO ledger_entries (posting_id, line, kind, reference, account, amount, wallet_of, currency, at)
        SELECT $1, line, $2, $3, account, amount, wallet_of, $7, $8
        FROM unnest($4::text[], $5::bigint[], $6::uuid[]) WITH ORDINALITY AS e(account, amount, wallet_of, line)
        """;

    private const string CreditWalletSql = """
        INSERT INTO wallets (account_id, currency, balance) VALUES ($1, $2, $3)
        ON CONFLICT (account_id, currency) DO UPDATE SET balance = wallets.balance + excluded.balance
        """;

    /// <summary>Adds the posting and what it does to a rider's spendable balance; the database refuses a balance below zero.</summary>
    public static void Post(Work work, Posting posting)
    {
        if (posting.Entries.Count == 0)
            return;
        work.Execute(InsertSql, posting.Id.Value, posting.Kind, posting.Reference, posting.Entries.Select(e => e.Account).ToArray(),
            posting.Entries.Select(e => e.Amount).ToArray(), posting.Entries.Select(e => e.WalletOf?.Value).ToArray(), posting.Currency.Code, work.Now);
        foreach (var entry in posting.Entries)
        {
            if (entry.WalletOf is not { } rider)
                continue;
            var change = new Money(-entry.Amount, posting.Currency);
            Wallet.Changed(work, rider, change);
            if (change.Amount > 0)
                work.Execute(CreditWalletSql, rider.Value, posting.Currency.Code, change.Amount);
            else
                work.ExecuteOrRefuse("payments_wallet_balance",
                    "UPDATE wallets SET balance = balance - $3 WHERE account_id = $1 AND currency = $2 AND balance >= $3 RETURNING 1",
                    () => Problem.Conflict("payments.insufficient_balance", "The wallet holds less than that."), rider.Value, posting.Currency.Code, -change.Amount);
        }
    }
}
