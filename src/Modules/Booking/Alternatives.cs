using System.Collections.Concurrent;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Booking;

/// <summary>
/// Other vehicles for a rider who came too late. A crowd that loses the same vehicle asks once: answers are shared for a moment, so a refusal stays cheaper
/// than a reservation.
/// </summary>
internal sealed class Alternatives(IAsk ask, Database<BookingModule> database, TimeProvider clock)
{
    public const int ShownMax = 5;
    public const int RadiusMeters = 1_000;
    public const int SharedMax = 1_000;

    /// <summary>More than are shown, since some of them are booked for that time.</summary>
    private const int AskedMax = 20;

    private static readonly TimeSpan SharedFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<(VehicleId, DateTimeOffset?), Shared> _shared = new();

    /// <summary>The refusal with the member <c>alternatives</c>; empty when Fleet does not answer, since the refusal stands either way.</summary>
    public async Task<Problem> AddToAsync(Problem problem, QuoteSnapshot quote, ReserveVehicle.Wish wish, CancellationToken ct)
    {
        var found = await FindAsync(quote, wish).WaitAsync(ct);
        return problem with
        {
            Extensions = new Dictionary<string, object?> { ["alternatives"] = found.Where(v => v.Id != quote.Vehicle).Take(ShownMax).ToArray() },
        };
    }

    private Task<IReadOnlyList<VehicleSummary>> FindAsync(QuoteSnapshot quote, ReserveVehicle.Wish wish)
    {
        var now = clock.GetTimestamp();
        if (_shared.Count > SharedMax)
            _shared.Clear();
        var key = (quote.Vehicle, wish.WindowEnd);
        var shared = _shared.AddOrUpdate(key, _ => new Shared(now, Ask()),
            (_, known) => clock.GetElapsedTime(known.At, now) < SharedFor ? known : new Shared(now, Ask()));
        return shared.Answer.Value;

        Lazy<Task<IReadOnlyList<VehicleSummary>>> Ask() => new(() => AskAsync(quote, wish));
    }

    private async Task<IReadOnlyList<VehicleSummary>> AskAsync(QuoteSnapshot quote, ReserveVehicle.Wish wish)
    {
        using var patience = new CancellationTokenSource(AnswerWithin);
        try
        {
            var near = await ask.AskAsync(new FindRentable(quote.VehiclePosition, RadiusMeters, quote.Kind, AskedMax), patience.Token);
            var held = await database.QueryAsync<Guid>(HeldSql,
                new { vehicles = near.Select(v => v.Id.Value).ToArray(), from = wish.From, until = wish.Until }, patience.Token);
            var taken = held.ToHashSet();
            return [.. near.Where(v => !taken.Contains(v.Id.Value))];
        }
        catch (Exception e) when (e is PeerUnavailableException or OperationCanceledException)
        {
            return [];
        }
    }

    private sealed record Shared(long At, Lazy<Task<IReadOnlyList<VehicleSummary>>> Answer);

    /// <summary>Without the operator <c>&amp;&amp;</c>, see <see cref="ReserveVehicle"/>.</summary>
    private const string HeldSql = """
        SELECT v.id FROM unnest(@vehicles) AS v(id)
        WHERE EXISTS (SELECT FROM holds WHERE vehicle_id = v.id AND NOT isempty(period * tstzrange(@from, @until))) LIMIT 20
        """;
}
