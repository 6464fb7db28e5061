using Mobility.Geo;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>What may go wrong in a city.</summary>
[Flags]
public enum Fault
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>Positions drift by some meters, and sometimes there is no fix.</summary>
    Gps = 1,
    /// <summary>Connections break off in the middle: reports come twice, late and out of order.</summary>
    Telemetry = 2,
    /// <summary>There are places without mobile network.</summary>
    DeadZones = 4,
    /// <summary>Vehicles' clocks go wrong.</summary>
    Clocks = 8,
    /// <summary>Batteries are empty in the morning, or give out on the way.</summary>
    Batteries = 16,
    /// <summary>Locks are stuck, or do not answer.</summary>
    Locks = 32,
    /// <summary>The payment provider does not answer for an hour.</summary>
    PaymentsDown = 64,
    /// <summary>The payment provider thinks long about some cards.</summary>
    PaymentsSlow = 128,
    /// <summary>Locked vehicles are carried away.</summary>
    Theft = 256,
    /// <summary>A stadium empties.</summary>
    Stadium = 512,
    /// <summary>A storm in the afternoon.</summary>
    Storm = 1024,
    /// <summary>The platform's process is killed in the middle of its work.</summary>
    Crash = 2048,
    /// <summary>All of them.</summary>
    All = 4095,
}

/// <summary>Faults as options name them.</summary>
public static class FaultWords
{
    private static readonly Dictionary<string, Fault> Words = new(StringComparer.Ordinal)
    {
        ["gps"] = Fault.Gps,
        ["telemetry"] = Fault.Telemetry,
        ["dead-zones"] = Fault.DeadZones,
        ["clocks"] = Fault.Clocks,
        ["batteries"] = Fault.Batteries,
        ["locks"] = Fault.Locks,
        ["payments-down"] = Fault.PaymentsDown,
        ["payments-slow"] = Fault.PaymentsSlow,
        ["theft"] = Fault.Theft,
        ["stadium"] = Fault.Stadium,
        ["storm"] = Fault.Storm,
        ["crash"] = Fault.Crash,
        ["all"] = Fault.All,
    };

    /// <summary>The words that <see cref="TryParse"/> knows.</summary>
    public static string Known => string.Join(", ", Words.Keys);

    /// <summary>The list that <see cref="TryParse"/> reads as these faults.</summary>
    public static string Say(Fault faults) => string.Join(',', Words.Where(word => word.Value != Fault.All && faults.HasFlag(word.Value)).Select(word => word.Key));

    /// <summary>Reads a list like <c>gps,storm</c>; an empty text is none.</summary>
    public static bool TryParse(string list, out Fault chosen)
    {
        chosen = Fault.None;
        foreach (var word in list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!Words.TryGetValue(word, out var fault))
                return false;
            chosen |= fault;
        }
        return true;
    }
}

/// <summary>Which faults a run has, and whom they meet; drawn from the seed.</summary>
/// <param name="Chosen">Which.</param>
/// <param name="Seed">Of the run.</param>
internal sealed record FaultPlan(Fault Chosen, int Seed)
{
    private const double GpsShare = 0.2;
    private const double DriftMeters = 8;
    private const double NoFixShare = 0.05;
    private const double RadioShare = 0.2;
    private const double ClockShare = 0.1;
    private const double ClockSecondsMax = 90;
    private const double EmptyShare = 0.1;
    private const int EmptyPercentMax = 12;
    private const double DyingShare = 0.1;
    private const double DiesAfterMetersMin = 200;
    private const double DiesAfterMetersMax = 1_000;
    private const double StuckShare = 0.1;
    private const double SilentShare = 0.1;
    private const double SlowCardShare = 0.2;

    public bool Has(Fault fault) => (Chosen & fault) != 0;

    /// <summary>What is wrong with one vehicle.</summary>
    /// <param name="number">Which.</param>
    /// <param name="doorPort">Where it would connect.</param>
    public VehicleFaults OfVehicle(int number, int doorPort) => new()
    {
        ClockIsAhead = IsMet(Fault.Clocks, number, ClockShare) ? TimeSpan.FromSeconds((DiceOf(Fault.Clocks, number).Share() * 2 - 1) * ClockSecondsMax) : TimeSpan.Zero,
        Receive = IsMet(Fault.Gps, number, GpsShare) ? Drifting(DiceOf(Fault.Gps, number)) : null,
        DiesAfterMeters = Has(Fault.Batteries) && Dice.Of(Seed, "dies", number) is var dice && dice.Chance(DyingShare)
            ? DiesAfterMetersMin + dice.Share() * (DiesAfterMetersMax - DiesAfterMetersMin)
            : null,
        Radio = HasBadRadio(number) || HasSilentLock(number) || Has(Fault.DeadZones) ? new SimulatedRadio(doorPort) : null,
    };

    /// <summary>Whether its connection breaks off again and again.</summary>
    public bool HasBadRadio(int number) => IsMet(Fault.Telemetry, number, RadioShare);

    /// <summary>Charge in the morning.</summary>
    public int ChargeOf(int number, int ordinary) => IsMet(Fault.Batteries, number, EmptyShare) ? DiceOf(Fault.Batteries, number).Below(EmptyPercentMax) + 1 : ordinary;

    /// <summary>Whether its lock is stuck from a time of the day on, and says so when it is asked to open or to close.</summary>
    public bool HasStuckLock(int number) => IsMet(Fault.Locks, number, StuckShare);

    /// <summary>Whether it does not answer from a time of the day on.</summary>
    public bool HasSilentLock(int number) => !HasStuckLock(number) && Has(Fault.Locks) && Dice.Of(Seed, "silent", number).Chance(SilentShare);

    /// <summary>The card of a rider.</summary>
    public string CardOf(int rider) => IsMet(Fault.PaymentsSlow, rider, SlowCardShare) ? "tok_slow" : "tok_visa";

    private bool IsMet(Fault fault, int number, double share) => Has(fault) && Dice.Of(Seed, $"{fault} meets", number).Chance(share);

    private Dice DiceOf(Fault fault, int number) => Dice.Of(Seed, $"{fault}", number);

    private static Func<GeoPoint, GeoPoint> Drifting(Dice dice) =>
        place => dice.Chance(NoFixShare) ? default : place.OffsetMeters(dice.Normal() * DriftMeters, dice.Normal() * DriftMeters);
}
