using Mobility.Platform.Modules;

namespace Mobility.Payments;

/// <summary>The laws of money as queries; each row is a violation. What a scheduled step is just about to do is not one.</summary>
internal static class Audits
{
    private const string NotScheduled = "NOT EXISTS (SELECT FROM scheduled WHERE type = 'call_provider' AND key = p.payment_id)";

    /// <summary>What each payment's own events say, in minor units.</summary>
    private const string Payments = """
        WITH p AS (
            SELECT stream_id AS payment_id,
                count(*) FILTER (WHERE type = 'authorization_requested.v1') AS requested,
                sum((data->'amount'->>'amount')::bigint) FILTER (WHERE type = 'authorized.v1') AS authorized,
                sum((data->'amount'->>'amount')::bigint) FILTER (WHERE type = 'captured.v1') AS captured,
                count(*) FILTER (WHERE type = 'captured.v1') AS captures,
                sum((data->'amount'->>'amount')::bigint) FILTER (WHERE type = 'remainder_captured.v1') AS captured_later,
                sum((data->'amount'->>'amount')::bigint) FILTER (WHERE type = 'credit_applied.v1') AS credit,
                sum((data->'charge'->'total'->>'amount')::bigint) FILTER (WHERE type = 'charged.v1') AS total,
                count(*) FILTER (WHERE type = 'charged.v1') AS charges,
                bool_or(type = 'settled.v1') AS settled,
                bool_or(type = 'void_requested.v1') AS released,
                bool_or(type IN ('authorized.v1', 'declined.v1', 'voided.v1')) AS decided,
                bool_or(type IN ('declined.v1', 'voided.v1', 'captured.v1', 'capture_failed.v1')) AS closed
            FROM events WHERE stream_type = 'payment' GROUP BY stream_id)
        """;

    public static IReadOnlyList<AuditCheck> All { get; } =
    [
        new("ledger_postings_balance", "Every posting of the ledger sums to zero in each currency.", """
            SELECT posting_id || ' ' || currency || ' sums to ' || sum(amount) FROM ledger_entries GROUP BY posting_id, currency HAVING sum(amount) <> 0
            ORDER BY posting_id LIMIT 100
            """),
        new("ledger_sums_to_zero", "The whole ledger sums to zero in each currency.",
            "SELECT currency || ' sums to ' || sum(amount) FROM ledger_entries GROUP BY currency HAVING sum(amount) <> 0 ORDER BY currency LIMIT 100"),
        new("wallets_equal_ledger", "A rider's balance is what the ledger says, and never negative.", """
            SELECT account_id || ' ' || currency || ' holds ' || coalesce(w.balance, 0) || ', the ledger says ' || coalesce(e.balance, 0)
            FROM wallets w FULL JOIN (SELECT wallet_of AS account_id, currency, -sum(amount) AS balance FROM ledger_entries
                                      WHERE wallet_of IS NOT NULL GROUP BY wallet_of, currency) e USING (account_id, currency)
            WHERE coalesce(w.balance, 0) <> coalesce(e.balance, 0) OR w.balance < 0 ORDER BY account_id LIMIT 100
            """),
        new("captured_within_authorized", "Captured never exceeds authorized, and a payment is captured at most once.", $"""
            {Payments} SELECT payment_id || ' captured ' || captured || ' in ' || captures || ' captures, authorized ' || coalesce(authorized, 0)
            FROM p WHERE captures > 1 OR captured > coalesce(authorized, 0) ORDER BY payment_id LIMIT 100
            """),
        new("charged_once", "A booking is charged at most once, and never pays more than its charge.", $"""
            {Payments} SELECT payment_id || ' was charged ' || total || ' in ' || charges || ' charges and paid '
                || coalesce(credit, 0) + coalesce(captured, 0) + coalesce(captured_later, 0)
            FROM p WHERE charges > 1 OR coalesce(credit, 0) + coalesce(captured, 0) + coalesce(captured_later, 0) > coalesce(total, 0) ORDER BY payment_id LIMIT 100
            """),
        new("settled_is_paid", "A settled payment is paid to the cent, and its invoice says so.", $"""
            {Payments} SELECT payment_id || ' is settled but not paid, or paid but not settled' FROM p LEFT JOIN invoices i USING (payment_id)
            WHERE settled AND (i.paid_at IS NULL OR p.total <> coalesce(credit, 0) + coalesce(captured, 0) + coalesce(captured_later, 0))
                OR settled IS NOT TRUE AND i.paid_at IS NOT NULL
            ORDER BY payment_id LIMIT 100
            """),
        new("one_invoice_per_charge", "Every charge has exactly one invoice of its amount, and every invoice a charge.", $"""
            {Payments} SELECT coalesce(p.payment_id, i.payment_id) || ' charge ' || coalesce(p.total::text, 'none') || ', invoices ' || coalesce(i.count, 0)
            FROM (SELECT payment_id, total FROM p WHERE charges > 0) p
            FULL JOIN (SELECT payment_id, count(*) AS count, sum(total) AS total FROM invoices GROUP BY payment_id) i ON i.payment_id = p.payment_id
            WHERE i.count IS DISTINCT FROM 1 OR i.total IS DISTINCT FROM p.total ORDER BY 1 LIMIT 100
            """),
        new("invoice_numbers_have_no_gap", "Invoice numbers run from 1 without a gap per city and year.", """
            SELECT coalesce(i.city_id, n.city_id) || ' ' || coalesce(i.year, n.year) || ': ' || coalesce(i.count, 0) || ' invoices, highest ' || coalesce(i.highest, 0)
                || ', last given ' || coalesce(n.last, 0)
            FROM (SELECT city_id, year, count(*) AS count, max(number) AS highest FROM invoices GROUP BY city_id, year) i
            FULL JOIN invoice_numbers n ON n.city_id = i.city_id AND n.year = i.year
            WHERE i.count IS DISTINCT FROM i.highest OR i.highest IS DISTINCT FROM n.last ORDER BY 1 LIMIT 100
            """),
        // A full join: with LIMIT a left one is planned as a nested loop of all payments with all of the ledger, which ends early only where much is wrong.
        new("receivables_equal_dues", "What the ledger says a rider owes for a booking is its charge less what was paid.", $"""
            {Payments} SELECT coalesce(p.payment_id, l.reference) || ' owes '
                || coalesce(total, 0) - coalesce(credit, 0) - coalesce(captured, 0) - coalesce(captured_later, 0) || ', the ledger says ' || coalesce(l.owed, 0)
            FROM p FULL JOIN (SELECT reference, sum(amount) AS owed FROM ledger_entries WHERE account LIKE 'receivable:%' GROUP BY reference) l ON l.reference = p.payment_id
            WHERE coalesce(l.owed, 0) <> coalesce(total, 0) - coalesce(credit, 0) - coalesce(captured, 0) - coalesce(captured_later, 0)
            ORDER BY 1 LIMIT 100
            """),
        new("no_payment_forgotten", "Every payment is finished, waits for the rider or has its next step scheduled.", $"""
            {Payments} SELECT payment_id || ' has no next step' FROM p
            WHERE {NotScheduled} AND (
                charges > 0 AND settled IS NOT TRUE AND NOT EXISTS (SELECT FROM outstanding o WHERE o.payment_id = p.payment_id)
                OR requested > 0 AND decided IS NOT TRUE
                OR released AND authorized IS NOT NULL AND closed IS NOT TRUE)
            ORDER BY payment_id LIMIT 100
            """),
        new("provider_agrees", "The provider took exactly what we recorded, and keeps no money of a finished payment.", $"""
            {Payments}, ours AS (SELECT intent_id, captured FROM captures)
            SELECT coalesce(s.intent_id, o.intent_id) || ' (' || coalesce(s.status, 'unknown') || ') provider ' || coalesce(s.captured, 0) || ', ours ' || coalesce(o.captured, 0)
            FROM sim_intents s FULL JOIN ours o ON o.intent_id = s.intent_id LEFT JOIN p ON p.payment_id = s.reference::uuid
            WHERE (coalesce(s.captured, 0) <> coalesce(o.captured, 0) OR s.status IN ('requires_capture', 'requires_action') AND (p.settled OR p.closed))
                AND (p.payment_id IS NULL OR {NotScheduled})
            ORDER BY 1 LIMIT 100
            """),
    ];

    public static void Declare(IModuleBuilder module)
    {
        foreach (var check in All)
            module.Audit(check);
    }
}
