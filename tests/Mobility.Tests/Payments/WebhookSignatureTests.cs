using System.Text;
using Mobility.Payments.Provider;

namespace Mobility.Tests.Payments;

public sealed class WebhookSignatureTests
{
    private static readonly byte[] Secret = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly byte[] Body = Encoding.UTF8.GetBytes("""{"intent":"sim_pi_1"}""");
    private static readonly DateTimeOffset At = PaymentsSamples.Now;
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    [Fact]
    public void A_fresh_signature_of_this_body_is_accepted() => Verify(SimulatedWebhook.Sign(Secret, At, Body), Body, At + TimeSpan.FromMinutes(4)).ShouldBeTrue();

    [Fact]
    public void Another_body_secret_or_time_is_refused()
    {
        var signature = SimulatedWebhook.Sign(Secret, At, Body);
        Verify(signature, Encoding.UTF8.GetBytes("""{"intent":"sim_pi_2"}"""), At).ShouldBeFalse();
        Verify(SimulatedWebhook.Sign(new byte[32], At, Body), Body, At).ShouldBeFalse();
        Verify(signature, Body, At + TimeSpan.FromMinutes(6)).ShouldBeFalse();
        Verify(signature.Replace("t=", "t=1", StringComparison.Ordinal), Body, At).ShouldBeFalse();
    }

    [Theory]
    [InlineData("")]
    [InlineData("t=,v1=")]
    [InlineData("t=1,v1=00")]
    [InlineData("v1=00,t=1")]
    [InlineData("t=99999999999999999999,v1=0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("t=1780300800,v1=zz00000000000000000000000000000000000000000000000000000000000000")]
    public void Nonsense_is_refused_without_an_exception(string header) => Verify(header, Body, At).ShouldBeFalse();

    private static bool Verify(string header, byte[] body, DateTimeOffset now) => SimulatedWebhook.Verify(Secret, header, body, now, Tolerance);
}
