using Mobility.Contracts;

namespace Mobility.Host.Packs;

/// <summary>staff.json: the people who run the city.</summary>
internal static class StaffFile
{
    private const int EmailLengthMax = 254; // RFC 5321
    private const int DemoPasswordLengthMin = 8;

    public static IReadOnlyList<Placed<StaffAccount>> Read(PackObject? root)
    {
        if (root is null)
            return [];
        var staff = new List<Placed<StaffAccount>>();
        var emails = new Uniqueness("e-mail address", StringComparer.OrdinalIgnoreCase);
        foreach (var node in root.List("staff"))
        {
            if (PackObject.Of(node) is not { } person)
                continue;
            var email = person.Text("email", EmailLengthMax);
            if (email.Length > 0 && !IsEmail(email))
                person.Find("email")!.Fail("pack.bad_text", "An e-mail address is name@host.");
            emails.Check(email, person.Find("email", required: false));
            var password = person.TextOrNull("demo_password");
            if (password is { Length: > 0 and < DemoPasswordLengthMin })
                person.Find("demo_password")!.Fail("pack.bad_text", $"A password has at least {DemoPasswordLengthMin} characters.");
            staff.Add(new Placed<StaffAccount>(new StaffAccount
            {
                Email = email,
                DisplayName = person.Text("display_name"),
                Role = person.Choice<StaffRole>("role"),
                DemoPassword = password,
            }, node));
            person.Close();
        }
        root.Close();
        return staff;
    }

    private static bool IsEmail(string email)
    {
        var at = email.IndexOf('@', StringComparison.Ordinal);
        return at > 0 && at == email.LastIndexOf('@') && at < email.Length - 1 && !email.Any(char.IsWhiteSpace);
    }
}
