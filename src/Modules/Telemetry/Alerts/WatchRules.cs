using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Telemetry.Ingest;

namespace Mobility.Telemetry.Alerts;

/// <summary>What the watch knows of a vehicle. Everything lasting is here, so whoever looks at the next report, in whatever process, finds what changed.</summary>
/// <param name="Version">Counts the changes; 0 before the first.</param>
/// <param name="At">The last report that was looked at, by the vehicle's clock.</param>
/// <param name="Place">Where its zones were decided.</param>
/// <param name="LowBattery">Whether its battery is low.</param>
/// <param name="Outside">Whether it is in no operating area.</param>
/// <param name="Silent">Whether nothing was heard of it.</param>
internal sealed record Watched(int Version, DateTimeOffset At, StandingPlace Place, bool LowBattery, bool Outside, bool Silent);

/// <summary>The zones of a city: how they lie, what they are called, and which are operating areas.</summary>
internal sealed record WatchedCity(CityId City, long Revision, ZoneIndex Zones, IReadOnlyList<ZoneId> Ids, IReadOnlyList<bool> IsOperational)
{
    public bool HasArea { get; } = IsOperational.Contains(true);

    public bool IsOutside(GeoPoint point)
    {
        if (!HasArea)
            return false;
        Span<int> zones = stackalloc int[ZoneIndex.ZonesAtPointMax];
        foreach (var zone in zones[..Zones.At(point, zones)])
            if (IsOperational[zone])
                return false;
        return true;
    }

    /// <summary>Names of the zones of a point, in order of precedence.</summary>
    public string[] ZonesAt(GeoPoint point)
    {
        Span<int> zones = stackalloc int[ZoneIndex.ZonesAtPointMax];
        var names = new string[Zones.At(point, zones)];
        for (var i = 0; i < names.Length; i++)
            names[i] = Ids[zones[i]].Value;
        return names;
    }
}

/// <summary>When something is wrong with a vehicle and when it is well again (FLT-7, GEO-2). Pure. Between raising and clearing lies a gap, so that noise does not flap.</summary>
internal static class WatchRules
{
    public const int LowBatteryPercent = 15;
    public const int WellChargedPercent = 20;
    public static readonly TimeSpan SilentAfter = TimeSpan.FromMinutes(10);

    /// <summary>What a report changes; the same object when nothing.</summary>
    /// <param name="before">Null for a vehicle that was never looked at.</param>
    /// <param name="report">Newer than what was looked at.</param>
    /// <param name="city">Null when its city is not known.</param>
    public static (Watched After, IReadOnlyList<IContractEvent> News) OnReport(Watched? before, VehicleReport report, WatchedCity? city)
    {
        var news = new List<IContractEvent>();
        var low = report.StateOfChargePercent is { } charge ? charge < (before?.LowBattery is true ? WellChargedPercent : LowBatteryPercent) : before?.LowBattery ?? false;
        var (place, outside) = (before?.Place ?? new StandingPlace(report.Position), before?.Outside ?? false);
        if (city is not null && (before is null || place.IsLeftFor(report.Position, report.AccuracyMeters)))
        {
            if (before is not null && Crossings(report, place.Decided, city) is { } crossings)
                news.Add(crossings);
            (place, outside) = (new StandingPlace(report.Position), city.IsOutside(report.Position));
        }
        Note(VehicleAlertKind.Silent, before?.Silent ?? false, false);
        Note(VehicleAlertKind.LowBattery, before?.LowBattery ?? false, low);
        Note(VehicleAlertKind.OutsideArea, before?.Outside ?? false, outside);
        if (before is not null && news.Count == 0 && place == before.Place)
            return (before, news);
        return (new Watched((before?.Version ?? 0) + 1, report.At, place, low, outside, Silent: false), news);

        void Note(VehicleAlertKind kind, bool was, bool isNow)
        {
            if (was != isNow)
                news.Add(isNow
                    ? new VehicleAlertRaisedV1(report.Vehicle, kind, report.At, report.Position)
                    : new VehicleAlertClearedV1(report.Vehicle, kind, report.At));
        }
    }

    /// <summary>Nothing was heard of it for <see cref="SilentAfter"/>.</summary>
    public static (Watched After, IReadOnlyList<IContractEvent> News) OnSilence(VehicleId vehicle, Watched before, DateTimeOffset now) => before.Silent
        ? (before, [])
        : (before with { Version = before.Version + 1, Silent = true }, [new VehicleAlertRaisedV1(vehicle, VehicleAlertKind.Silent, now, before.Place.Decided)]);

    private static VehicleZonesCrossedV1? Crossings(VehicleReport report, GeoPoint from, WatchedCity city)
    {
        Span<int> left = stackalloc int[ZoneIndex.ZonesAtPointMax];
        Span<int> entered = stackalloc int[ZoneIndex.ZonesAtPointMax];
        Span<int> crossed = stackalloc int[ZoneIndex.ZonesAtPointMax];
        var crossing = city.Zones.Between(from, report.Position, left, entered, crossed);
        return crossing.IsNothing
            ? null
            : new VehicleZonesCrossedV1(report.Vehicle, city.City, Names(left[..crossing.Left]), Names(entered[..crossing.Entered]), Names(crossed[..crossing.Crossed]),
                report.At, report.Position);

        IReadOnlyList<ZoneId> Names(ReadOnlySpan<int> zones)
        {
            var names = new ZoneId[zones.Length];
            for (var i = 0; i < zones.Length; i++)
                names[i] = city.Ids[zones[i]];
            return names;
        }
    }
}
