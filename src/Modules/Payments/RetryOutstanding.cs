using Mobility.Contracts;
using Mobility.Platform.Events;

namespace Mobility.Payments;

/// <summary>The rider has new means to pay: what is outstanding is tried again at once (PAY-4).</summary>
internal static class RetryOutstanding
{
    public const int PaymentsMax = 50;

    public static async Task ScheduleAsync(ModuleDatabase database, Work work, AccountId rider, CancellationToken ct)
    {
        var payments = await database.QueryAsync<Guid>(
            "SELECT payment_id FROM outstanding WHERE account_id = @Value ORDER BY since, payment_id LIMIT @PaymentsMax", new { rider.Value, PaymentsMax }, ct);
        foreach (var payment in payments)
            work.Schedule(work.Now, payment, new CallProvider.Message(PaymentId.From(payment), Failures: 0, NewMeans: true));
    }
}
