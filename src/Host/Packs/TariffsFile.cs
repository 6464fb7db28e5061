using System.Collections.Immutable;
using Mobility.Contracts;

namespace Mobility.Host.Packs;

/// <summary>tariffs.json: GBFS 3.0 pricing plans and what a rental business needs beyond them.</summary>
internal static class TariffsFile
{
    private const int StepMax = 100_000;

    public static IReadOnlyList<Placed<Tariff>> Read(PackObject? root, City? city)
    {
        if (root is null)
            return [];
        var tariffs = new List<Placed<Tariff>>();
        var ids = new Uniqueness("tariff");
        foreach (var node in root.List("plans", countMin: 1, countMax: 1_000))
        {
            if (PackObject.Of(node) is not { } plan)
                continue;
            var id = plan.Id<TariffId>("plan_id");
            ids.Check(id.Value, plan.Find("plan_id", required: false));
            var currency = CityFile.Currency(plan, "currency");
            if (city is not null && currency != default && city.Currency != default && currency != city.Currency)
                plan.Find("currency")!.Fail("pack.wrong_currency", $"The city's currency is {city.Currency}, not {currency}.");
            var digits = CityFile.MinorDigits(currency);
            var tariff = new Tariff
            {
                Id = id,
                Name = plan.Text("name"),
                Description = plan.Text("description", lengthMax: 1_000),
                Currency = currency,
                VehicleTypeIds = VehicleTypeIds(plan),
                UnlockFee = plan.Amount("price", digits),
                PerMinute = Steps(plan, "per_min_pricing", digits),
                PerKilometer = Steps(plan, "per_km_pricing", digits),
                ReservationFeePerMinute = plan.AmountOrNull("reservation_fee_per_min", digits) ?? 0,
                PauseRatePerMinute = plan.AmountOrNull("pause_rate_per_min", digits) ?? 0,
                DayPrice = plan.AmountOrNull("day_price", digits),
                MaximumCharge = plan.AmountOrNull("maximum_charge", digits),
                MinimumCharge = plan.AmountOrNull("minimum_charge", digits) ?? 0,
                NoShowFee = plan.AmountOrNull("no_show_fee", digits) ?? 0,
                OvertimeRatePerMinute = plan.AmountOrNull("overtime_rate_per_min", digits) ?? 0,
                LateArrivalGrace = TimeSpan.FromMinutes(plan.WholeOrNull("late_arrival_grace_minutes", 0, 24 * 60) ?? 0),
                VatBasisPoints = plan.WholeOrNull("vat_basis_points", 0, CityFile.VatBasisPointsMax) ?? city?.VatBasisPoints ?? 0,
            };
            if (tariff.MaximumCharge < tariff.MinimumCharge)
                plan.Find("maximum_charge")!.Fail("pack.out_of_range", "The maximum charge is below the minimum charge.");
            tariffs.Add(new Placed<Tariff>(tariff, node));
            plan.Close();
        }
        root.Close();
        return tariffs;
    }

    private static ImmutableArray<VehicleTypeId> VehicleTypeIds(PackObject plan)
    {
        plan.List("vehicle_type_ids", countMin: 1);
        return [.. ZonesFile.TypeIds(plan).Select(type => type.Value)];
    }

    private static ImmutableArray<PriceStep> Steps(PackObject plan, string name, int digits)
    {
        var steps = ImmutableArray.CreateBuilder<PriceStep>();
        foreach (var node in plan.List(name, countMax: 20, required: false))
        {
            if (PackObject.Of(node) is not { } step)
                continue;
            var start = step.Whole("start", 0, StepMax);
            var end = step.WholeOrNull("end", 0, StepMax);
            if (end <= start)
                step.Find("end")!.Fail("pack.out_of_range", "A segment ends after it starts.");
            steps.Add(new PriceStep(start, step.Amount("rate", digits), step.Whole("interval", 0, StepMax), end));
            step.Close();
        }
        return steps.ToImmutable();
    }
}
