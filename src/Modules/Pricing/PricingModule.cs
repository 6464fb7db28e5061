using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Pricing;

/// <summary>Tariffs, offers, and the price of a ride.</summary>
public sealed class PricingModule : IModule
{
    /// <inheritdoc/>
    public string Name => "pricing";

    /// <inheritdoc/>
    public IReadOnlyList<string> Needs => ["fleet"];

    /// <inheritdoc/>
    public void Configure(IModuleBuilder module)
    {
        module.Services.AddSingleton<CityPriceCache>();
        module.Services.AddSingleton<RecentQuotes>();
        module.Services.AddSingleton<IPackLoader, PricingPackLoader>();

        module.Subscribe<RideEndedV1>("charge-ride", ChargeRide.HandleEnded);
        module.Subscribe<BookingForfeitedV1>("charge-no-show", ChargeRide.HandleForfeited);
        module.Scheduled<PurgeQuotesDaily>("purge-quotes", PurgeQuotes.Handle);

        module.Answer<GetQuote, QuoteSnapshot?>(GetQuoteById.Answer);
        module.Answer<ApplyTariff, Charge>(ChargeRide.Answer);

        module.Endpoints(QuoteVehicle.Map);
        module.Endpoints(GetTariffs.Map);

        module.Audit(PricingAudit.ChargesEqualTariffs);
    }
}
