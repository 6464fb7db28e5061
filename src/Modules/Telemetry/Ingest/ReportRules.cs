using Mobility.Geo;

namespace Mobility.Telemetry.Ingest;

/// <summary>What this process knows of a vehicle from its reports; the database knows better, this only saves asking it.</summary>
internal sealed class VehicleTrack
{
    /// <summary>Every report above it is new, unless another process took it.</summary>
    public long SequenceMax { get; set; } = -1;

    public DateTimeOffset At { get; set; }

    public GeoPoint Position { get; set; }

    /// <summary>Where the vehicle says it is although it cannot be; believed when it keeps saying so.</summary>
    public GeoPoint JumpPosition { get; set; }

    public DateTimeOffset JumpAt { get; set; }

    public int Jumps { get; set; }

    public bool IsKnown => At != default;

    public void Accept(VehicleReport report)
    {
        SequenceMax = Math.Max(SequenceMax, report.Sequence);
        if (report.At < At)
            return;
        (At, Position, Jumps) = (report.At, report.Position, 0);
    }
}

/// <summary>What a report must be to become history. Pure but for the jump that it remembers.</summary>
internal static class ReportRules
{
    /// <summary>A vehicle keeps its reports for a day when it has no network.</summary>
    public static readonly TimeSpan AgeMax = TimeSpan.FromHours(24);

    /// <summary>How far a vehicle's clock may be ahead.</summary>
    public static readonly TimeSpan AheadMax = TimeSpan.FromMinutes(2);

    /// <summary>Faster than any of our vehicles is driven or carried: 250 km/h.</summary>
    public const double SpeedMetersPerSecondMax = 70;

    /// <summary>A satellite fix between houses may be this far off.</summary>
    public const double JumpMetersMin = 500;

    public const string ImpossibleJump = "impossible_jump";

    /// <summary>Reports in a row that agree about a place make it true: the vehicle was carried there, or the place before was wrong.</summary>
    public const int JumpsBelieved = 3;

    public const long OdometerMetersMax = 10_000_000_000;
    public const int BatteryIdLengthMax = 64;
    public const int ErrorCodesMax = 16;
    public const int ErrorCodeLengthMax = 32;

    /// <summary>Null when the report is good; else a stable reason.</summary>
    public static string? Check(VehicleTrack track, VehicleReport report, DateTimeOffset now) =>
        RangeFault(report) ?? ClockFault(report.At, now) ?? JumpFault(track, report);

    public static string? ClockFault(DateTimeOffset at, DateTimeOffset now) => at > now + AheadMax ? "clock_ahead" : at < now - AgeMax ? "too_old" : null;

    public static bool IsToken(string text, int lengthMax) => text.Length > 0 && text.Length <= lengthMax && text.All(c => c is > ' ' and <= '~');

    private static string? RangeFault(VehicleReport r)
    {
        if (r.Sequence < 0)
            return "sequence_out_of_range";
        if (!r.Position.IsValid || r.Position == default) // 0,0 is what a receiver without a fix says
            return "position_out_of_range";
        if (r.AccuracyMeters is not (null or (>= 0 and <= 100_000)))
            return "accuracy_out_of_range";
        if (r.HeadingDegrees is not (null or (>= 0 and <= 360)))
            return "heading_out_of_range";
        if (r.SpeedMetersPerSecond is not (null or (>= 0 and <= (float)SpeedMetersPerSecondMax)))
            return "speed_out_of_range";
        if (r.StateOfChargePercent is not (null or (>= 0 and <= 100)))
            return "charge_out_of_range";
        if (r.OdometerMeters is not (null or (>= 0 and <= OdometerMetersMax)))
            return "odometer_out_of_range";
        if (r.TemperatureCelsius is not (null or (>= -60 and <= 150)))
            return "temperature_out_of_range";
        if (r.BatteryId is { } battery && !IsToken(battery, BatteryIdLengthMax))
            return "battery_out_of_range";
        return r.ErrorCodes.Count > ErrorCodesMax || r.ErrorCodes.Any(code => code is null || !IsToken(code, ErrorCodeLengthMax)) ? "errors_out_of_range" : null;
    }

    private static string? JumpFault(VehicleTrack track, VehicleReport report)
    {
        // The backlog comes in order but behind what is known; only what is newer can be a jump from there.
        if (!track.IsKnown || report.At < track.At || !IsJump(track.Position, track.At, report.Position, report.At))
            return null;
        var agrees = track.Jumps > 0 && report.At >= track.JumpAt && !IsJump(track.JumpPosition, track.JumpAt, report.Position, report.At);
        track.Jumps = agrees ? track.Jumps + 1 : 1;
        (track.JumpPosition, track.JumpAt) = (report.Position, report.At);
        return track.Jumps >= JumpsBelieved ? null : ImpossibleJump;
    }

    private static bool IsJump(GeoPoint from, DateTimeOffset fromAt, GeoPoint to, DateTimeOffset toAt)
    {
        // A degree of latitude has 111 km: most reports need no trigonometry.
        if (Math.Abs(from.LatitudeDegrees - to.LatitudeDegrees) < 0.001 && Math.Abs(from.LongitudeDegrees - to.LongitudeDegrees) < 0.001)
            return false;
        var distance = from.DistanceMetersTo(to);
        return distance > JumpMetersMin && distance > (toAt - fromAt).TotalSeconds * SpeedMetersPerSecondMax;
    }
}
