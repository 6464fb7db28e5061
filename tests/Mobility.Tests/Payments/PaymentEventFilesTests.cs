using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Mobility.Contracts;
using Mobility.Payments;
using Mobility.Platform.Events;
using static Mobility.Tests.Payments.PaymentsSamples;

namespace Mobility.Tests.Payments;

/// <summary>Stored events are read for ever: each name has a file of how it was written once, and that file must still be read to the same event.</summary>
public sealed class PaymentEventFilesTests
{
    private static readonly Dictionary<string, PaymentEvent> Samples = new PaymentEvent[]
    {
        new AuthorizationRequested(SampleBooking, Rider, SampleCity, Eur(1000), "tok_visa"),
        new Authorized("sim_pi_1", Eur(1000)),
        new ActionRequired("sim_pi_1", "/challenge"),
        new AuthorizationPending("sim_pi_1"),
        new Declined("card_declined"),
        new VoidRequested(SampleBooking, Rider, SampleCity, ReleaseReason.NoShow, FeeDue: true, Now),
        new Voided(),
        new Charged(SampleBooking, Rider, SampleCity, ChargeOf(640), Invoice, "TINY-2026-000001", Now),
        new CreditApplied(Eur(300)),
        new CaptureDeferred("provider_unavailable"),
        new Captured("sim_pi_1", Eur(640)),
        new CaptureFailed("expired_authorization"),
        new RemainderRequested(1, "tok_visa", Eur(500)),
        new RemainderCaptured(1, "sim_pi_2", Eur(500)),
        new RemainderDeclined(1, "insufficient_funds"),
        new LeftOutstanding(Eur(500), "insufficient_funds"),
        new Settled(),
    }.ToDictionary(PaymentStream.Type.Events.NameOf);

    public static TheoryData<string> Names => [.. PaymentStream.Type.Events.Names.Order(StringComparer.Ordinal)];

    [Theory, Trait("Req", "EVT-2")]
    [MemberData(nameof(Names))]
    public void An_event_is_read_as_it_was_written(string name)
    {
        var file = Path.Combine(Folder(), $"{name}.json");
        var written = EventCatalog<PaymentEvent>.Write(Samples[name]);
        if (!File.Exists(file))
        {
            File.WriteAllText(file, JsonNode.Parse(written)!.ToJsonString(new() { WriteIndented = true }) + "\n");
            Assert.Fail($"{file} was missing and is written now: read it, and keep it.");
        }
        var stored = File.ReadAllText(file);
        JsonNode.DeepEquals(JsonNode.Parse(stored), JsonNode.Parse(written)).ShouldBeTrue($"{name} is written otherwise than before: {written}");
        EventCatalog<PaymentEvent>.Write(PaymentStream.Type.Events.Read(name, stored)).ShouldBe(written);
    }

    private static string Folder([CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, "Golden");
}
