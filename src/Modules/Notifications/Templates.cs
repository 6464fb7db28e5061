using System.Globalization;
using System.Text.RegularExpressions;

namespace Mobility.Notifications;

/// <summary>The words of every message, in English and German; plain text with {name} placeholders.</summary>
internal static partial class Templates
{
    public const string Code = "code";
    public const string RegistrationRepeated = "registration_repeated";
    public const string Welcome = "welcome";
    public const string BookingConfirmed = "booking_confirmed";
    public const string Receipt = "receipt";
    private const string Fallback = "en";

    private static readonly Dictionary<(string Template, string Language), Words> Table = new()
    {
        [(Code, "en")] = new("Your code: {code}", """
            Your code is {code}. It is valid for ten minutes. Give it to nobody, not even to us.

            If you did not ask for it, you need not do anything.
            """),
        [(Code, "de")] = new("Ihr Code: {code}", """
            Ihr Code lautet {code}. Er gilt zehn Minuten. Geben Sie ihn niemandem, auch uns nicht.

            Wenn Sie ihn nicht angefordert haben, brauchen Sie nichts zu tun.
            """),
        [(RegistrationRepeated, "en")] = new("You have an account already", """
            Hello {name},

            somebody, perhaps you, tried to register with this e-mail address. It has an account already: just sign in.

            If it was not you, you need not do anything; nothing was changed.
            """),
        [(RegistrationRepeated, "de")] = new("Sie haben schon ein Konto", """
            Guten Tag {name},

            jemand, vielleicht Sie selbst, wollte sich mit dieser E-Mail-Adresse registrieren. Sie hat schon ein Konto: Melden Sie sich einfach an.

            Wenn Sie es nicht waren, brauchen Sie nichts zu tun; es wurde nichts geändert.
            """),
        [(Welcome, "en")] = new("You are ready to ride", """
            Hello {name},

            everything is there: your e-mail address, your phone number and a payment method. You can book now. Have a good ride!
            """),
        [(Welcome, "de")] = new("Es kann losgehen", """
            Guten Tag {name},

            alles ist da: Ihre E-Mail-Adresse, Ihre Telefonnummer und ein Zahlungsmittel. Sie können jetzt buchen. Gute Fahrt!
            """),
        [(BookingConfirmed, "en")] = new("Your booking is confirmed", """
            Hello {name},

            your booking {booking} is confirmed. The vehicle is waiting for you.
            """),
        [(BookingConfirmed, "de")] = new("Ihre Buchung ist bestätigt", """
            Guten Tag {name},

            Ihre Buchung {booking} ist bestätigt. Das Fahrzeug wartet auf Sie.
            """),
        [(Receipt, "en")] = new("Your receipt {number}", """
            Hello {name},

            thank you for riding with us. Your invoice {number} comes to {total}, VAT included. {captured} was charged to your payment method.

            Booking {booking}
            """),
        [(Receipt, "de")] = new("Ihre Rechnung {number}", """
            Guten Tag {name},

            danke, dass Sie mit uns gefahren sind. Ihre Rechnung {number} beträgt {total} einschließlich Umsatzsteuer. {captured} haben wir Ihrem Zahlungsmittel belastet.

            Buchung {booking}
            """),
    };

    public static IEnumerable<string> Names => Table.Keys.Select(k => k.Template).Distinct();

    public static IEnumerable<string> Languages => Table.Keys.Select(k => k.Language).Distinct();

    /// <summary>The words in the reader's language, or in English. A value that is missing shows as an empty space, a field too many is ignored.</summary>
    /// <param name="template">One of the names above.</param>
    /// <param name="language">BCP 47 tag; only its first part counts.</param>
    /// <param name="values">Texts by placeholder; money as <c>amount currency</c> in minor units, for example <c>1250 EUR</c>.</param>
    public static Words Render(string template, string language, IReadOnlyDictionary<string, string> values)
    {
        var tongue = language.Split('-')[0].ToLowerInvariant();
        if (!Table.TryGetValue((template, tongue), out var words))
            (words, tongue) = (Table[(template, Fallback)], Fallback);
        return new Words(Fill(words.Subject, tongue, values), Fill(words.Body, tongue, values));
    }

    private static string Fill(string text, string language, IReadOnlyDictionary<string, string> values) =>
        Placeholder().Replace(text, match => values.TryGetValue(match.Groups[1].Value, out var value)
            ? Amount().Match(value) is { Success: true } money ? FormatMoney(money, language) : value
            : "");

    private static string FormatMoney(Match money, string language)
    {
        var (amount, currency) = (decimal.Parse(money.Groups[1].Value, CultureInfo.InvariantCulture), money.Groups[2].Value);
        var decimals = currency is "JPY" or "KRW" or "CLP" or "VND" ? 0 : 2;
        var number = (decimals == 0 ? amount : amount / 100).ToString(decimals == 0 ? "0" : "0.00", CultureInfo.InvariantCulture);
        return language == "de" ? $"{number.Replace('.', ',')} {currency}" : $"{currency} {number}";
    }

    [GeneratedRegex(@"\{([a-z]+)\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"^(-?\d{1,18}) ([A-Z]{3})\z")]
    private static partial Regex Amount();

    /// <summary>Subject and body; a text message has the subject only.</summary>
    public sealed record Words(string Subject, string Body);
}
