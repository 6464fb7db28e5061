using System.Collections.Concurrent;
using Mobility.Contracts;

namespace Mobility.Pricing;

/// <summary>
/// The offers that this process made lately. An offer never changes, so what is remembered cannot be stale; a booking that follows at once spares a read
/// and the parsing of the tariff (about 0.15 ms of a reservation). Another process reads the table.
/// </summary>
internal sealed class RecentQuotes
{
    public const int RememberedMax = 50_000;

    private readonly ConcurrentDictionary<QuoteId, QuoteSnapshot> _quotes = new();

    public void Remember(QuoteSnapshot quote)
    {
        if (_quotes.Count >= RememberedMax)
            _quotes.Clear();
        _quotes[quote.Id] = quote;
    }

    public QuoteSnapshot? Find(QuoteId id) => _quotes.GetValueOrDefault(id);
}
