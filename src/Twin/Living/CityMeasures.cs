using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Twin.Client;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>Somebody found nothing that suited them and walked away; what no real data set has.</summary>
/// <param name="At">When they first looked.</param>
/// <param name="Persona">Who.</param>
/// <param name="Kind">What they would have liked best.</param>
/// <param name="From">Where they stood.</param>
/// <param name="To">Where they wanted to go.</param>
/// <param name="Reason"><c>none_nearby</c>, <c>too_dear</c>, <c>near_enough</c> (they rather walk) or <c>let_down</c>.</param>
public sealed record UnmetWish(DateTimeOffset At, string Persona, VehicleKind Kind, GeoPoint From, GeoPoint To, string Reason);

/// <summary>Counts what becomes of people's wishes; several end at the same moment.</summary>
/// <param name="zone">The city's clock.</param>
/// <param name="walkedAway">Hears of everybody who walks away, one at a time; null for nobody.</param>
internal sealed class CityMeasures(TimeZoneInfo zone, Action<UnmetWish>? walkedAway)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>One more.</summary>
    public void Count(string what, long by = 1)
    {
        lock (_gate)
            _counts[what] = _counts.GetValueOrDefault(what) + by;
    }

    /// <summary>Nobody has what they want: they walk away.</summary>
    public void Unmet(Wish wish, string reason)
    {
        lock (_gate)
        {
            Count("unmet");
            Count($"unmet.{reason}");
            Count($"unmet.{wish.Persona.Name}");
            Count($"unmet.hour.{HourOf(wish.At):00}");
            walkedAway?.Invoke(new UnmetWish(wish.At, wish.Persona.Name, wish.Persona.Kinds[0], wish.From, wish.To.Position, reason));
        }
    }

    /// <summary>Somebody has arrived and given the vehicle back.</summary>
    public void Arrived(Wish wish, SimulatedVehicle vehicle, TimeSpan ridden)
    {
        lock (_gate)
        {
            Count("rides");
            Count($"rides.{wish.Persona.Name}");
            Count($"rides.{vehicle.Build.Kind.ToString().ToLowerInvariant()}");
            Count($"rides.hour.{HourOf(wish.At):00}");
            Count($"ridden_seconds.hour.{HourOf(wish.At):00}", (long)ridden.TotalSeconds);
            foreach (var fault in vehicle.Faults.Words)
                Count($"rides.with.{fault}");
        }
    }

    /// <summary>The money of a booking has come to rest; beyond what they owed when they got off they are to pay nothing.</summary>
    public void Paid(long capturedMinor, long owedMinor)
    {
        lock (_gate)
        {
            Count("captured_minor", capturedMinor);
            Count("charged_for_our_fault_minor", Math.Max(0, capturedMinor - owedMinor));
        }
    }

    /// <summary>The platform let somebody down.</summary>
    public void LetDown(RefusedException refused)
    {
        lock (_gate)
        {
            Count("let_down");
            Count($"let_down.{refused.Step}: {refused.Code}");
        }
    }

    /// <summary>All counts by name.</summary>
    public SortedDictionary<string, long> Read()
    {
        lock (_gate)
            return new SortedDictionary<string, long>(_counts, StringComparer.Ordinal);
    }

    private int HourOf(DateTimeOffset at) => TimeZoneInfo.ConvertTime(at, zone).Hour;
}
