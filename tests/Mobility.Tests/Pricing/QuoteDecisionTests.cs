using System.Globalization;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Pricing;

namespace Mobility.Tests.Pricing;

/// <summary>What is on offer, and why not.</summary>
public sealed class QuoteDecisionTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero); // Monday, 10:00 in Berlin
    private static readonly CityId City = new("tiny");
    private static readonly GeoPoint Here = new(50, 10);

    private static readonly Tariff VanTariff = TariffCalculatorTests.Scooter with
    {
        Id = new TariffId("van"),
        UnlockFee = 0,
        PerMinute = [new PriceStep(0, 30, 1, null)],
        PerKilometer = [new PriceStep(0, 40, 1, null)],
        DayPrice = 9_900,
        NoShowFee = 2_000,
    };

    private static readonly CityPrices Prices = new(City, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"),
        new Dictionary<VehicleTypeId, TariffId> { [new("scooter")] = new("scooter"), [new("van")] = new("van") },
        new Dictionary<TariffId, Tariff> { [new("scooter")] = TariffCalculatorTests.Scooter, [new("van")] = VanTariff },
        new Dictionary<VehicleKind, OpeningRule>
        {
            [VehicleKind.Scooter] = new(VehicleKind.Scooter, [new([DayOfWeek.Monday], TimeSpan.FromHours(6), TimeSpan.FromHours(24))]),
            [VehicleKind.Van] = new(VehicleKind.Van, [new([DayOfWeek.Monday, DayOfWeek.Tuesday], TimeSpan.FromHours(6), TimeSpan.FromHours(22))]),
        });

    [Fact, Trait("Req", "BKG-8")]
    public void A_ride_now_is_offered_with_its_tariff_an_estimate_and_a_hold()
    {
        var offer = Ask(Scooter(), new(Scooter().Id));
        var quote = offer.Quote.ShouldNotBeNull();
        quote.Tariff.ShouldBe(TariffCalculatorTests.Scooter);
        (quote.Estimate.Amount, quote.HoldAmount.Amount, quote.From, quote.ExpiresAt).ShouldBe((400, 700, null, Now.AddMinutes(5))); // 15 minutes; 30 are held
    }

    [Fact]
    public void A_long_ride_is_held_for_as_it_is_expected() =>
        Ask(Scooter(), new(Scooter().Id, ExpectedMinutes: 60)).Quote.ShouldNotBeNull().HoldAmount.Amount.ShouldBe(1_300);

    [Fact, Trait("Req", "BKG-8")]
    public void A_window_is_estimated_and_held_as_a_whole()
    {
        var quote = Ask(Van(), new(Van().Id, Now.AddDays(1), Now.AddDays(1).AddHours(2), ExpectedKilometers: 10)).Quote.ShouldNotBeNull();
        (quote.Estimate.Amount, quote.HoldAmount.Amount).ShouldBe((120 * 30 + 400, 120 * 30 + 400));
        (quote.From, quote.Until).ShouldBe((Now.AddDays(1), Now.AddDays(1).AddHours(2)));
    }

    [Fact]
    public void A_short_window_holds_at_least_the_no_show_fee() =>
        Ask(Van(), new(Van().Id, Now, Now.AddMinutes(10), ExpectedKilometers: 0)).Quote.ShouldNotBeNull().HoldAmount.Amount.ShouldBe(2_000);

    [Fact]
    public void A_vehicle_without_a_tariff_is_not_offered() =>
        Code(Scooter() with { Type = new VehicleTypeId("tricycle") }, new(Scooter().Id)).ShouldBe("pricing.no_tariff");

    [Theory]
    [InlineData(VehicleState.OnTrip)]
    [InlineData(VehicleState.Reserved)]
    [InlineData(VehicleState.NonOperational)]
    public void A_scooter_that_is_not_rentable_is_not_offered(VehicleState state) =>
        Code(Scooter() with { State = state, Rentable = false }, new(Scooter().Id)).ShouldBe("pricing.vehicle_not_rentable");

    [Theory]
    [InlineData(VehicleState.OnTrip, null)]
    [InlineData(VehicleState.Stopped, null)]
    [InlineData(VehicleState.Reserved, null)]
    [InlineData(VehicleState.Available, null)] // charged too little today
    [InlineData(VehicleState.NonOperational, "pricing.vehicle_not_rentable")]
    [InlineData(VehicleState.Removed, "pricing.vehicle_not_rentable")]
    [InlineData(VehicleState.Missing, "pricing.vehicle_not_rentable")]
    public void A_van_of_today_may_be_booked_for_tomorrow(VehicleState state, string? code) =>
        Code(Van() with { State = state, Rentable = false }, new(Van().Id, Now.AddDays(1), Now.AddDays(1).AddHours(2))).ShouldBe(code);

    [Fact]
    public void A_van_that_somebody_has_is_not_offered_from_now_on() =>
        Code(Van() with { State = VehicleState.OnTrip, Rentable = false }, new(Van().Id, Now, Now.AddHours(2))).ShouldBe("pricing.vehicle_not_rentable");

    public static TheoryData<int?, int?, string?, string?> Windows() => new()
    {
        { null, 120, "pricing.window_required", "from" },
        { 0, null, "pricing.window_required", "until" },
        { -6, 60, "pricing.from_out_of_range", "from" },
        { -5, 60, null, null },
        { 7 * 24 * 60 + 1, 8 * 24 * 60, "pricing.from_out_of_range", "from" },
        { 60, 60, "pricing.until_out_of_range", "until" },
        { 60, 59, "pricing.until_out_of_range", "until" },
        { 0, 7 * 24 * 60 + 1, "pricing.until_out_of_range", "until" },
        { 7 * 24 * 60, 7 * 24 * 60 + 60, null, null },
    };

    [Theory, MemberData(nameof(Windows)), Trait("Req", "BKG-3")]
    public void A_van_needs_a_window_of_the_next_seven_days(int? fromMinutes, int? untilMinutes, string? code, string? field)
    {
        var problem = Ask(Van(), new(Van().Id, At(fromMinutes), At(untilMinutes))).Problem;
        (problem?.Code, problem?.Field).ShouldBe((code, field));
    }

    [Theory, Trait("Req", "BKG-2")]
    [InlineData(30, null)]
    [InlineData(31, "pricing.from_out_of_range")]
    [InlineData(-6, "pricing.from_out_of_range")]
    public void A_scooter_is_offered_for_the_next_thirty_minutes(int fromMinutes, string? code) => Code(Scooter(), new(Scooter().Id, At(fromMinutes))).ShouldBe(code);

    [Fact]
    public void A_scooter_has_no_window() => Code(Scooter(), new(Scooter().Id, Until: Now.AddHours(1))).ShouldBe("pricing.no_window");

    [Theory]
    [InlineData("2026-06-01T03:59:00Z", "pricing.closed")] // 05:59 in Berlin
    [InlineData("2026-06-01T04:00:00Z", null)]
    [InlineData("2026-06-01T21:59:00Z", null)] // 23:59, still Monday in Berlin
    [InlineData("2026-06-01T22:00:00Z", "pricing.closed")] // Tuesday in Berlin
    public void Opening_hours_are_those_of_the_city(string now, string? code) =>
        QuoteVehicle.Decide(new(default, default, Scooter(), Prices, new(Scooter().Id), DateTimeOffset.Parse(now, CultureInfo.InvariantCulture))).Problem?.Code.ShouldBe(code);

    [Fact]
    public void The_price_is_told_in_words() => PriceInWords.Of(VanTariff).ShouldBe(
    [
        "0.30 EUR per begun minute", "0.40 EUR per begun kilometer", "at most 99.00 EUR for the time of 24 hours", "20.00 EUR if nobody comes", "19 % VAT included",
    ]);

    private static DateTimeOffset? At(int? minutes) => minutes is { } m ? Now.AddMinutes(m) : null;

    private static string? Code(VehicleSummary vehicle, QuoteVehicle.Body body) => Ask(vehicle, body).Problem?.Code;

    private static QuoteVehicle.Offer Ask(VehicleSummary vehicle, QuoteVehicle.Body body) => QuoteVehicle.Decide(new(default, default, vehicle, Prices, body, Now));

    private static VehicleSummary Scooter() => new(
        VehicleId.Of(City, "s-1"), "s-1", City, new VehicleTypeId("scooter"), VehicleKind.Scooter, VehicleState.Available, Here, 88, 35_200, Rentable: true);

    private static VehicleSummary Van() => new(
        VehicleId.Of(City, "v-1"), "v-1", City, new VehicleTypeId("van"), VehicleKind.Van, VehicleState.Available, Here, 100, 250_000, Rentable: true);
}
