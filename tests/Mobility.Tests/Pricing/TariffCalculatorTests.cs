using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Pricing;

namespace Mobility.Tests.Pricing;

/// <summary>What a tariff makes of a ride, by example.</summary>
public sealed class TariffCalculatorTests
{
    private static readonly DateTimeOffset Start = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);

    internal static readonly Tariff Scooter = new()
    {
        Id = new TariffId("scooter"),
        Name = "Scooter",
        Description = "1.00 to unlock, 0.20 a minute.",
        Currency = Currency.Eur,
        VehicleTypeIds = [new VehicleTypeId("scooter")],
        UnlockFee = 100,
        PerMinute = [new PriceStep(0, 20, 1, null)],
        PerKilometer = [],
        VatBasisPoints = 1900,
    };

    [Theory, Trait("Req", "PAY-1")]
    [InlineData(0, 100)] // no minute has begun
    [InlineData(1, 120)]
    [InlineData(60, 120)]
    [InlineData(61, 140)]
    [InlineData(600, 300)]
    public void Begun_minutes_count(int seconds, long expected) => Total(Scooter, Ride(TimeSpan.FromSeconds(seconds))).ShouldBe(expected);

    /// <summary>GBFS 3.0, gbfs.md, system_pricing_plans.json, Example 1: 2 USD, after 10 km 1 a km, after 25 km 0.50 a km and 3 more every 5 km.</summary>
    [Theory]
    [InlineData(10_000, 200)]
    [InlineData(10_001, 300)]
    [InlineData(25_000, 1_700)]
    [InlineData(25_001, 1_700 + 50 + 300)]
    [InlineData(30_000, 1_700 + 250 + 300)]
    [InlineData(30_001, 1_700 + 300 + 600)]
    public void The_standards_example_by_distance_comes_out(long meters, long expected) => Total(
        Scooter with
        {
            UnlockFee = 200,
            PerMinute = [],
            PerKilometer = [new PriceStep(10, 100, 1, 25), new PriceStep(25, 50, 1, null), new PriceStep(25, 300, 5, null)],
        },
        Ride(TimeSpan.FromHours(1), meters)).ShouldBe(expected);

    /// <summary>GBFS 3.0, Example 2: 3 USD, 0.25 a km and 0.50 a minute.</summary>
    [Fact]
    public void The_standards_example_by_distance_and_time_comes_out() => Total(
        Scooter with { UnlockFee = 300, PerMinute = [new PriceStep(0, 50, 1, null)], PerKilometer = [new PriceStep(0, 25, 1, null)] },
        Ride(TimeSpan.FromMinutes(10), 4_000)).ShouldBe(300 + 500 + 100);

    [Theory]
    [InlineData(30, 0)]
    [InlineData(31, 500)]
    [InlineData(600, 500)]
    public void An_interval_of_zero_is_due_once(int minutes, long expected) =>
        Total(Scooter with { UnlockFee = 0, PerMinute = [new PriceStep(30, 500, 0, null)] }, Ride(TimeSpan.FromMinutes(minutes))).ShouldBe(expected);

    [Theory]
    [InlineData(60, 1_800)]
    [InlineData(61, 1_825)]
    public void A_segment_ends_where_the_next_begins(int minutes, long expected) =>
        Total(Scooter with { UnlockFee = 0, PerMinute = [new PriceStep(0, 30, 1, 60), new PriceStep(60, 25, 1, null)] }, Ride(TimeSpan.FromMinutes(minutes))).ShouldBe(expected);

    [Fact, Trait("Req", "PAY-1")]
    public void A_pause_costs_the_pause_rate_instead_of_the_riding_price()
    {
        var usage = Ride(TimeSpan.FromMinutes(20)) with { Pauses = [new RidePause(Start.AddMinutes(5), Start.AddMinutes(15))] };
        var charge = TariffCalculator.Apply(Scooter with { PauseRatePerMinute = 5 }, usage);
        charge.Lines.Select(line => (line.Code, line.Quantity, line.Amount.Amount)).ShouldBe([("unlock", 1, 100), ("time", 10, 200), ("pause", 10, 50)]);
    }

    [Fact]
    public void The_reservation_costs_per_begun_minute_until_the_ride()
    {
        var usage = Ride(TimeSpan.FromMinutes(1)) with { ReservedAt = Start.AddSeconds(-181) };
        Total(Scooter with { ReservationFeePerMinute = 5 }, usage).ShouldBe(100 + 20 + 4 * 5);
    }

    [Theory]
    [InlineData(60, 0)]
    [InlineData(61, 50)]
    [InlineData(75, 750)]
    public void Time_after_the_booked_window_costs_more(int minutes, long overtime)
    {
        var usage = Ride(TimeSpan.FromMinutes(minutes)) with { WindowEnd = Start.AddHours(1) };
        Total(Scooter with { OvertimeRatePerMinute = 50 }, usage).ShouldBe(100 + 20 * minutes + overtime);
    }

    [Theory]
    [InlineData(125, 2_500)]
    [InlineData(24 * 60, 2_500)]
    [InlineData(24 * 60 + 1, 2_520)]
    [InlineData(48 * 60, 5_000)]
    [InlineData(72 * 60, 7_500)]
    public void Each_24_hours_of_riding_cost_at_most_the_day_price(int minutes, long expected) =>
        Total(Scooter with { UnlockFee = 0, DayPrice = 2_500 }, Ride(TimeSpan.FromMinutes(minutes))).ShouldBe(expected);

    [Fact]
    public void A_short_ride_costs_the_minimum_and_a_long_one_the_maximum()
    {
        var tariff = Scooter with { MinimumCharge = 150, MaximumCharge = 500 };
        var shortest = TariffCalculator.Apply(tariff, Ride(TimeSpan.Zero));
        (shortest.Total.Amount, shortest.Lines[^1].Code).ShouldBe((150, "minimum"));
        var longest = TariffCalculator.Apply(tariff, Ride(TimeSpan.FromHours(5)));
        (longest.Total.Amount, longest.Lines[^1].Code).ShouldBe((500, "cap"));
    }

    [Fact]
    public void Nobody_came_costs_the_no_show_fee_and_nothing_else()
    {
        var usage = new RideUsage(Start, null, null, [], 0, Start.AddHours(1), NoShow: true);
        TariffCalculator.Apply(Scooter with { NoShowFee = 2_000, MinimumCharge = 150 }, usage).Lines.ShouldHaveSingleItem().Code.ShouldBe("no_show");
    }

    [Fact]
    public void What_never_began_costs_nothing() =>
        Total(Scooter with { MinimumCharge = 150 }, new RideUsage(Start, null, null, [], 0, null, NoShow: false)).ShouldBe(0);

    [Fact]
    public void A_lock_before_the_unlock_costs_no_time() => Total(Scooter, Ride(TimeSpan.FromMinutes(-3))).ShouldBe(100);

    [Theory]
    [InlineData(119, 1900, 19)] // 19.0
    [InlineData(120, 1900, 19)] // 19.16
    [InlineData(3, 10_000, 2)] // 1.5: half away from zero
    [InlineData(5, 10_000, 3)] // 2.5
    [InlineData(100, 0, 0)]
    public void VAT_is_contained_and_rounded_half_away_from_zero(long total, int basisPoints, long expected) =>
        Rounding.VatWithin(total, basisPoints).ShouldBe(expected);

    private static long Total(Tariff tariff, RideUsage usage) => TariffCalculator.Apply(tariff, usage).Total.Amount;

    private static RideUsage Ride(TimeSpan length, long meters = 0) => new(Start, Start, Start + length, [], meters, null, NoShow: false);
}
