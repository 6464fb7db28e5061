using Mobility.Payments;

namespace Mobility.Tests.Payments;

public sealed class PaymentMethodTests
{
    [Theory, Trait("Req", "PAY-2")]
    [InlineData("4242424242424242")]
    [InlineData("4242 4242 4242 4242")]
    [InlineData("4242-4242-4242-4242")]
    [InlineData("tok_4242424242424242")]
    [InlineData("3782.822463.10005")]
    [InlineData("card=5555555555554444;cvc=123")]
    public void Card_data_is_refused_and_not_repeated(string token)
    {
        var problem = AddPaymentMethod.Check(token)!;
        problem.Code.ShouldBe("payments.card_data_refused");
        problem.Detail.ShouldNotContain("42");
    }

    [Theory]
    [InlineData("tok_visa", null)]
    [InlineData("wallet", null)]
    [InlineData("", "payments.method_token")]
    [InlineData("visa", "payments.method_token")]
    [InlineData("tok_Visa", "payments.method_token")]
    [InlineData("tok_visa\n", "payments.method_token")]
    public void A_token_has_the_providers_form(string token, string? code) => AddPaymentMethod.Check(token)?.Code.ShouldBe(code);
}
