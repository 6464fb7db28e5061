using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Telemetry.Ingest;

namespace Mobility.Tests.Telemetry;

public sealed class VehicleReportTests
{
    private static readonly VehicleReport Bare = new()
    {
        Vehicle = Id.New<VehicleId>(TimeProvider.System),
        Sequence = 2,
        At = new DateTimeOffset(2026, 1, 1, 0, 0, 30, TimeSpan.Zero),
        ReceivedAt = new DateTimeOffset(2026, 1, 1, 0, 0, 31, TimeSpan.Zero),
        Position = new GeoPoint(48.2, 11.5),
    };

    [Fact]
    public void What_a_report_does_not_say_the_one_before_it_said()
    {
        var older = Bare with { Sequence = 1, At = Bare.At.AddSeconds(-30), StateOfChargePercent = 84, BatteryId = "pack-1", Locked = true, OdometerMeters = 5, TemperatureCelsius = 20, SpeedMetersPerSecond = 3 };
        Bare.Over(older).ShouldBe(Bare with { StateOfChargePercent = 84, BatteryId = "pack-1", Locked = true, OdometerMeters = 5, TemperatureCelsius = 20, ChargeAt = older.At });
        Bare.ChargeAt.ShouldBeNull();
        (Bare with { StateOfChargePercent = 83 }).Over(older).StateOfChargePercent.ShouldBe((short)83);
    }
}
