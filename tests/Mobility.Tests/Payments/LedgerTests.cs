using Mobility.Payments;
using Mobility.Platform;
using static Mobility.Tests.Payments.PaymentsSamples;

namespace Mobility.Tests.Payments;

public sealed class LedgerTests
{
    private static readonly PostingId SomeId = Id.Named<PostingId>("test", "posting");

    [Fact]
    public void A_posting_that_does_not_sum_to_zero_cannot_be_made() => Should.Throw<InvalidOperationException>(() =>
        new Posting(SomeId, "grant", Rider.Value, Currency.Eur, Entry.Goodwill(100), Entry.Wallet(Rider, -99)));

    [Fact]
    public void Lines_of_nothing_are_left_out() => new Posting(SomeId, "charge", Rider.Value, Currency.Eur, Entry.Receivable(Rider, 100), Entry.Revenue(SampleCity, -100), Entry.Vat(SampleCity, 0))
        .Entries.Count.ShouldBe(2);

    [Fact]
    public void The_same_event_of_a_payment_makes_the_same_posting()
    {
        var payment = PaymentStream.IdOf(SampleBooking);
        PostingId.Of(payment, 3).ShouldBe(PostingId.Of(PaymentStream.IdOf(SampleBooking), 3));
        PostingId.Of(payment, 3).ShouldNotBe(PostingId.Of(payment, 4));
    }

    [Fact]
    public void An_invoice_number_names_its_city_and_year() => InvoiceNumbers.Format(SampleCity, 2026, 42).ShouldBe("TINY-2026-000042");
}
