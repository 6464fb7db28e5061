using Mobility.Payments.Provider;

namespace Mobility.Tests.Payments;

public sealed class SimulatedProviderTests(PaymentsPlatform platform) : ProviderCompliance, IClassFixture<PaymentsPlatform>
{
    private protected override IPaymentProvider Provider => platform.Provider;
}
