using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Mobility.Platform;
using Mobility.Platform.Events;
using Npgsql;

namespace Mobility.Payments.Provider;

/// <summary>
/// A payment company that does not exist: it behaves like one, faults included, and what it does depends on the method token only. Its
/// memory is its own tables; since that stands for a world outside, it does not wait for the disk.
/// </summary>
internal sealed class SimulatedPaymentProvider(Database<PaymentsModule> database, IServiceProvider services, IOptions<PaymentsOptions> options) : IPaymentProvider
{
    public const string ProviderName = "simulated";
    public const string ChallengePath = "/v1/payments/simulated/challenges";

    /// <summary>All tokens it gives out, with what a rider sees of them.</summary>
    public static readonly IReadOnlyDictionary<string, MethodDescription> Tokens = new Dictionary<string, MethodDescription>(StringComparer.Ordinal)
    {
        ["tok_visa"] = new("visa", "4242"),
        ["tok_declined"] = new("visa", "0002"),
        ["tok_insufficient_funds"] = new("visa", "9995"),
        ["tok_3ds"] = new("visa", "3220"),
        ["tok_slow"] = new("mastercard", "0077"),
        ["tok_timeout"] = new("mastercard", "0408"),
        ["tok_webhook_twice"] = new("mastercard", "0202"),
        ["tok_webhook_first"] = new("mastercard", "0101"),
        ["tok_capture_fails_once"] = new("amex", "0001"),
        ["tok_capture_declined"] = new("amex", "0003"),
        ["tok_remainder_declined"] = new("amex", "0004"),
    };

    private const string Columns = "intent_id, reference, token, amount, currency, status, captured, code, create_calls, capture_calls";
    private const string NotDown = "NOT EXISTS (SELECT FROM sim_settings WHERE name = 'down')";

    // The same key touches the same row: the repetition only counts, and answers with the intent as it stands.
    private const string CreateSql = $"""
        INSERT INTO sim_intents (intent_id, idempotency_key, reference, token, amount, currency, status, captured, code)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE {NotDown}
        ON CONFLICT (idempotency_key) DO UPDATE SET create_calls = sim_intents.create_calls + 1 RETURNING {Columns}
        """;

    private const string CaptureSql = $"""
        UPDATE sim_intents SET capture_calls = capture_calls + 1,
            status = CASE WHEN status <> 'requires_capture' OR $2 > amount THEN status
                          WHEN token = 'tok_capture_declined' THEN 'declined'
                          WHEN token = 'tok_capture_fails_once' AND capture_calls = 0 THEN status
                          ELSE 'succeeded' END,
            captured = CASE WHEN status <> 'requires_capture' OR $2 > amount OR token = 'tok_capture_declined'
                                 OR (token = 'tok_capture_fails_once' AND capture_calls = 0) THEN captured
                            ELSE $2 END,
            code = CASE WHEN status <> 'requires_capture' THEN code
                        WHEN $2 > amount THEN 'amount_too_large'
                        WHEN token = 'tok_capture_declined' THEN 'expired_authorization'
                        WHEN token = 'tok_capture_fails_once' AND capture_calls = 0 THEN 'processing_error'
                        ELSE NULL END
        WHERE intent_id = $1 AND {NotDown} RETURNING {Columns}
        """;

    private const string CancelSql = $"""
        UPDATE sim_intents SET status = CASE WHEN status IN ('requires_capture', 'requires_action', 'processing') THEN 'canceled' ELSE status END,
            cancel_calls = cancel_calls + 1
        WHERE intent_id = $1 AND {NotDown} RETURNING {Columns}
        """;

    private const string AnswerChallengeSql = $"""
        UPDATE sim_intents SET status = $2, code = $3 WHERE intent_id = $1 AND status = 'requires_action' RETURNING {Columns}
        """;

    private const string GetSql = $"SELECT {Columns} FROM sim_intents WHERE intent_id = $1 AND {NotDown}";

    public string Name => ProviderName;

    public Task<MethodDescription?> DescribeAsync(string token, CancellationToken ct) => Task.FromResult(Tokens.GetValueOrDefault(token));

    public async Task<Intent> CreateAsync(IntentRequest request, CancellationToken ct)
    {
        if (request.Token == "tok_slow")
            await Task.Delay(options.Value.SimulatedSlowness, ct);
        var (status, code) = Outcome(request);
        var row = await RunAsync(CreateSql, ct, NewIntentId(), request.Key, request.Reference, request.Token, request.Amount.Amount, request.Amount.Currency.Code,
            status, status == "succeeded" ? request.Amount.Amount : 0L, code) ?? throw Down();
        if (row.Token != request.Token || row.Amount != request.Amount.Amount || row.Currency != request.Amount.Currency.Code)
            throw new InvalidOperationException($"The idempotency key {request.Key} was used for another request.");
        if (row.CreateCalls == 1)
            await ReportAsync(row, ct);
        return row.Token == "tok_timeout" && row.CreateCalls == 1 ? throw TimedOut() : row.ToIntent();
    }

    public async Task<Intent> CaptureAsync(string intent, Money amount, string key, CancellationToken ct)
    {
        var row = await RunAsync(CaptureSql, ct, intent, amount.Amount) ?? throw Down();
        await ReportAsync(row, ct);
        return row.Token == "tok_timeout" && row.CaptureCalls == 1 ? throw TimedOut() : row.ToIntent();
    }

    public async Task<Intent> CancelAsync(string intent, string key, CancellationToken ct)
    {
        var row = await RunAsync(CancelSql, ct, intent) ?? throw Down();
        await ReportAsync(row, ct);
        return row.ToIntent();
    }

    public async Task<Intent> GetAsync(string intent, CancellationToken ct) => (await RunAsync(GetSql, ct, intent) ?? throw Down()).ToIntent();

    /// <summary>The rider approved or refused on the bank's page; null when there is nothing to answer.</summary>
    public async Task<Intent?> AnswerChallengeAsync(string intent, bool approved, CancellationToken ct)
    {
        var row = await RunAsync(AnswerChallengeSql, ct, intent, approved ? "requires_capture" : "declined", approved ? null : "authentication_failed");
        if (row is null)
            return null;
        await SimulatedWebhook.SendLaterAsync(services, new SimulatedWebhook.Notice(row.IntentId, row.Reference, row.Status), ct);
        return row.ToIntent();
    }

    /// <summary>The provider's outage begins or ends.</summary>
    public Task SwitchAsync(bool down, CancellationToken ct) => database.ExecuteAsync(down
        ? "INSERT INTO sim_settings (name, value) VALUES ('down', 'true') ON CONFLICT DO NOTHING"
        : "DELETE FROM sim_settings WHERE name = 'down'", null, ct);

    private static (string Status, string? Code) Outcome(IntentRequest request) => request.Token switch
    {
        "tok_declined" => ("declined", "card_declined"),
        "tok_insufficient_funds" => ("declined", "insufficient_funds"),
        "tok_3ds" when request.CaptureNow => ("declined", "authentication_required"),
        "tok_3ds" => ("requires_action", null),
        "tok_remainder_declined" when request.CaptureNow => ("declined", "insufficient_funds"),
        _ when !Tokens.ContainsKey(request.Token) => ("declined", "unknown_method"),
        _ => (request.CaptureNow ? "succeeded" : "requires_capture", null),
    };

    private async Task ReportAsync(Row row, CancellationToken ct)
    {
        var notice = new SimulatedWebhook.Notice(row.IntentId, row.Reference, row.Status);
        if (row.Token == "tok_webhook_first")
            await SimulatedWebhook.SendNowAsync(services, notice, ct);
        else if (options.Value.SimulatedWebhooks || row.Token == "tok_webhook_twice")
            await SimulatedWebhook.SendLaterAsync(services, notice, ct);
        if (row.Token == "tok_webhook_twice")
            await SimulatedWebhook.SendLaterAsync(services, notice, ct);
    }

    private async Task<Row?> RunAsync(string sql, CancellationToken ct, params object?[] parameters)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT set_config('synchronous_commit', 'off', true)"));
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in parameters)
            command.Parameters.Add(value is null
                ? new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text }
                : new NpgsqlParameter { Value = value });
        batch.BatchCommands.Add(command);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.NextResultAsync(ct);
        return await reader.ReadAsync(ct)
            ? new Row(reader.GetString(0), reader.GetString(1), reader.GetString(2), reader.GetInt64(3), reader.GetString(4), reader.GetString(5),
                reader.GetInt64(6), await reader.IsDBNullAsync(7, ct) ? null : reader.GetString(7), reader.GetInt32(8), reader.GetInt32(9))
            : null;
    }

    /// <summary>Whoever knows it may answer for the rider, so it is random, not made of time.</summary>
    private static string NewIntentId() => $"sim_pi_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}";

    private static ProviderUnavailableException Down() => new("The simulated provider is switched off.");

    private static ProviderUnavailableException TimedOut() => new("The simulated provider did the work and then lost the answer.");

    private sealed record Row(
        string IntentId, string Reference, string Token, long Amount, string Currency, string Status, long Captured, string? Code, int CreateCalls, int CaptureCalls)
    {
        public Intent ToIntent()
        {
            var status = Status switch
            {
                "requires_capture" => IntentStatus.RequiresCapture,
                "requires_action" => IntentStatus.RequiresAction,
                "processing" => IntentStatus.Processing,
                "declined" => IntentStatus.Declined,
                "succeeded" => IntentStatus.Succeeded,
                "canceled" => IntentStatus.Canceled,
                _ => throw new InvalidOperationException($"Unknown status {Status}."),
            };
            var currency = new Currency(Currency);
            return new(IntentId, status, new(Amount, currency), new(Captured, currency),
                status == IntentStatus.RequiresAction ? $"{ChallengePath}/{IntentId}" : null, Code);
        }
    }
}
