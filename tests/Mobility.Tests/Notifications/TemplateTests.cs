using Mobility.Notifications;

namespace Mobility.Tests.Notifications;

public sealed class TemplateTests
{
    private static readonly Dictionary<string, string> Receipt = new()
    {
        ["name"] = "Robin",
        ["number"] = "2026-1",
        ["total"] = "1250 EUR",
        ["captured"] = "5 EUR",
        ["booking"] = "booking_1",
    };

    [Fact]
    public void Every_template_exists_in_every_language_and_leaves_no_placeholder()
    {
        foreach (var template in Templates.Names)
            foreach (var language in Templates.Languages)
            {
                var words = Templates.Render(template, language, new Dictionary<string, string>());
                words.Subject.ShouldNotBeNullOrWhiteSpace();
                (words.Subject + words.Body).ShouldNotContain("{");
            }
        Templates.Languages.Order().ShouldBe(["de", "en"]);
        Templates.Render(Templates.Receipt, "de", Receipt).ShouldNotBe(Templates.Render(Templates.Receipt, "en", Receipt));
    }

    [Fact]
    public void Money_is_written_as_the_reader_writes_it()
    {
        Templates.Render(Templates.Receipt, "de-AT", Receipt).Body.ShouldContain("12,50 EUR");
        Templates.Render(Templates.Receipt, "en-GB", Receipt).Body.ShouldContain("EUR 12.50");
        Templates.Render(Templates.Receipt, "en", Receipt).Body.ShouldContain("EUR 0.05");
    }

    [Fact]
    public void A_language_that_is_missing_is_english() =>
        Templates.Render(Templates.Receipt, "sw", Receipt).ShouldBe(Templates.Render(Templates.Receipt, "en", Receipt));

    [Fact]
    public void A_value_that_looks_like_a_placeholder_is_not_filled_again() =>
        Templates.Render(Templates.Welcome, "en", new Dictionary<string, string> { ["name"] = "{code}", ["code"] = "secret" }).Body.ShouldContain("Hello {code},");
}
