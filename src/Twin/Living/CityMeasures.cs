using Mobility.Contracts;

namespace Mobility.Twin.Living;

/// <summary>Counts what becomes of people's wishes; several end at the same moment.</summary>
internal sealed class CityMeasures(TimeZoneInfo zone)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>One more.</summary>
    public void Count(string what, long by = 1)
    {
        lock (_gate)
            _counts[what] = _counts.GetValueOrDefault(what) + by;
    }

    /// <summary>Somebody wants to go.</summary>
    public void Wanted(Wish wish) => Count("wishes");

    /// <summary>Nobody has what they want: they walk away.</summary>
    public void Unmet(Wish wish, string reason)
    {
        lock (_gate)
        {
            Count("unmet");
            Count($"unmet.{reason}");
            Count($"unmet.{wish.Persona.Name}");
            Count($"unmet.hour.{HourOf(wish.At):00}");
        }
    }

    /// <summary>Somebody has arrived and paid.</summary>
    public void Arrived(Wish wish, VehicleKind kind, TimeSpan ridden, long capturedMinor)
    {
        lock (_gate)
        {
            Count("rides");
            Count($"rides.{wish.Persona.Name}");
            Count($"rides.{kind.ToString().ToLowerInvariant()}");
            Count($"rides.hour.{HourOf(wish.At):00}");
            Count($"ridden_seconds.hour.{HourOf(wish.At):00}", (long)ridden.TotalSeconds);
            Count("captured_minor", capturedMinor);
        }
    }

    /// <summary>A vehicle died under somebody; beyond what they owed when they got off they are to pay nothing.</summary>
    public void Stranded(long owedMinor, long capturedMinor)
    {
        lock (_gate)
        {
            Count("stranded");
            Count("captured_minor", capturedMinor);
            Count("charged_for_our_fault_minor", Math.Max(0, capturedMinor - owedMinor));
        }
    }

    /// <summary>The platform let somebody down; what they paid for it all the same is to be nothing.</summary>
    public void LetDown(string step, string code, long capturedMinor)
    {
        lock (_gate)
        {
            Count("let_down");
            Count($"let_down.{step}: {code}");
            Count("charged_for_our_fault_minor", capturedMinor);
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
