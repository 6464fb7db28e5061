using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Configuration;
using Mobility.Contracts;
using Mobility.Identity;
using Mobility.Platform;
using Mobility.Platform.Auth;

namespace Mobility.Tests.Identity;

public sealed class DecisionTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);

    private static readonly Account New = new()
    {
        Id = new Guid(1, 2, 3, new byte[8]),
        Kind = "rider",
        Email = "a@example.org",
        Phone = "+491511234567",
        DisplayName = "A",
        Language = "de",
        Roles = [],
        Version = 1,
    };

    [Fact, Trait("Req", "IDN-1")]
    public void In_whatever_order_the_steps_are_done_the_account_is_bookable_after_the_last_and_not_before()
    {
        Func<Account, Account>[] steps =
        [
            a => a.Prove(ContactChannel.Email, Now), a => a.Prove(ContactChannel.Phone, Now), a => a.AcceptTerms(Account.CurrentTerms, Now), a => a.AddPaymentMethod(Now),
        ];
        Prop.ForAll(Gen.Choose(0, 3).ArrayOf().ToArbitrary(), order =>
        {
            var account = order.Aggregate(New, (a, step) => steps[step](a));
            var complete = order.Distinct().Count() == steps.Length;
            return (account.BookableAt is not null) == complete && account.Missing.Count == steps.Length - order.Distinct().Count()
                && account.Permissions.Contains("bookings.write") == complete;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Doing_a_step_again_changes_nothing()
    {
        var once = New.Prove(ContactChannel.Email, Now).AcceptTerms(Account.CurrentTerms, Now).AddPaymentMethod(Now);
        var later = Now.AddDays(1);
        once.Prove(ContactChannel.Email, later).AcceptTerms(Account.CurrentTerms, later).AddPaymentMethod(later).ShouldBe(once);
    }

    [Theory, Trait("Req", "IDN-1")]
    [InlineData("2008-06-01", "2026-06-01", true)]
    [InlineData("2008-06-02", "2026-06-01", false)]
    [InlineData("2008-02-29", "2026-02-28", false)]
    [InlineData("2008-02-29", "2026-03-01", true)]
    [InlineData("1950-01-01", "2026-06-01", true)]
    public void A_person_is_adult_from_the_eighteenth_birthday_on(string birth, string today, bool adult) =>
        RegisterAccount.IsAdult(DateOnly.Parse(birth), DateOnly.Parse(today)).ShouldBe(adult);

    [Fact]
    public void A_code_is_judged_by_its_row()
    {
        byte[] right = [1, 2], wrong = [1, 3];
        Codes.Judge(null, right, Now)!.Code.ShouldBe("identity.code_used_up");
        Codes.Judge(new Codes.Counted(right, Now.UtcDateTime, 1), right, Now)!.Code.ShouldBe("identity.code_expired");
        Codes.Judge(new Codes.Counted(right, Now.UtcDateTime.AddSeconds(1), 1), wrong, Now)!.Code.ShouldBe("identity.code_wrong");
        Codes.Judge(new Codes.Counted(right, Now.UtcDateTime.AddSeconds(1), 5), right, Now).ShouldBeNull();
    }

    [Fact, Trait("Req", "IDN-5")]
    public void Each_role_may_do_exactly_what_the_matrix_says()
    {
        Dictionary<string, string> matrix = new()
        {
            ["rider"] = "account.self payments.self vehicles.read",
            ["bookable_rider"] = "account.self bookings.write payments.self quotes.write vehicles.read",
            ["staff"] = "account.self fleet.read vehicles.read",
            ["support_agent"] = "account.self bookings.read fleet.read ops.read payments.read vehicles.read",
            ["field_technician"] = "account.self fleet.command fleet.manage fleet.read vehicles.read",
            ["operations_manager"] =
                "account.self bookings.manage bookings.read fleet.command fleet.disable fleet.manage fleet.read ops.manage ops.read payments.read vehicles.read zones.manage",
            ["finance"] = "account.self bookings.read fleet.read payments.manage payments.read vehicles.read",
            ["data_scientist"] = "account.self bookings.read fleet.read ops.read vehicles.read",
            ["ml_engineer"] = "account.self bookings.read fleet.read ops.read vehicles.read",
            ["admin"] = "account.self accounts.manage bookings.manage bookings.read bookings.write fleet.command fleet.disable fleet.manage fleet.read ops.manage ops.read payments.manage "
                + "payments.read payments.self quotes.write vehicles.read zones.manage",
            ["device"] = "device.report",
            ["service"] = "internal.ask",
        };
        Roles.All.Order().ShouldBe(matrix.Keys.Order());
        foreach (var (role, permissions) in matrix)
            string.Join(' ', Roles.PermissionsOf(role)).ShouldBe(permissions, role);
        Roles.PermissionsOf("no role").ShouldBeEmpty();
    }

    [Fact, Trait("Req", "IDN-5")]
    public void An_administrator_may_do_everything_that_people_may_do() =>
        Roles.AllPermissions.Except(Roles.PermissionsOf(Roles.Admin)).ShouldBe(["device.report", "internal.ask"]);

    [Fact]
    public void Every_role_of_a_city_pack_is_a_role() => Enum.GetValues<StaffRole>().ShouldAllBe(role => Roles.All.Contains(StaffLoader.RoleOf(role)));

    [Fact, Trait("Req", "IDN-5")]
    public void Permissions_are_found_in_far_less_than_fifty_milliseconds()
    {
        var started = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 10_000; i++)
            Roles.PermissionsOf(["admin", "finance"]);
        (TimeProvider.System.GetElapsedTime(started) / 10_000).ShouldBeLessThan(TimeSpan.FromMilliseconds(50));
    }

    [Fact]
    public void A_protected_key_comes_back_only_with_the_same_key_and_purpose()
    {
        var (one, other) = (Protection(1), Protection(2));
        var plain = RandomNumberGenerator.GetBytes(32);
        var hidden = one.Protect(plain, "k1");
        one.Unprotect(hidden, "k1").ShouldBe(plain);
        Should.Throw<CryptographicException>(() => one.Unprotect(hidden, "k2"));
        Should.Throw<CryptographicException>(() => other.Unprotect(hidden, "k1"));
        other.Name.ShouldNotBe(one.Name);
    }

    [Fact]
    public async Task Processes_that_start_together_end_up_with_one_key_file()
    {
        var folder = Directory.CreateTempSubdirectory("mobility-keys-");
        try
        {
            var file = Path.Combine(folder.FullName, "inner", "identity.key");
            var names = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => Protection("Identity:KeyFile", file).Name)));
            names.Distinct().Count().ShouldBe(1);
            Directory.GetFiles(Path.GetDirectoryName(file)!).ShouldBe([file]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_key_file_that_a_crash_left_empty_is_filled_for_its_owner_alone()
    {
        var folder = Directory.CreateTempSubdirectory("mobility-keys-");
        try
        {
            var (empty, made) = (Path.Combine(folder.FullName, "empty.key"), Path.Combine(folder.FullName, "made.key"));
            File.WriteAllText(empty, "");
            var name = Protection("Identity:KeyFile", empty).Name;
            Convert.FromBase64String(File.ReadAllText(empty)).Length.ShouldBe(32);
            Protection("Identity:KeyFile", empty).Name.ShouldBe(name);
            Protection("Identity:KeyFile", made).Name.ShouldNotBe(name);
            if (!OperatingSystem.IsWindows())
                File.GetUnixFileMode(made).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_key_file_that_may_only_be_read_is_read_also_while_others_read_it()
    {
        var folder = Directory.CreateTempSubdirectory("mobility-keys-");
        try
        {
            var file = Path.Combine(folder.FullName, "mounted.key");
            File.WriteAllText(file, Convert.ToBase64String([.. Enumerable.Repeat((byte)7, 32)]) + "\n");
            File.SetAttributes(file, FileAttributes.ReadOnly);
            using var other = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read); // whoever opens it for writing is refused
            Protection("Identity:KeyFile", file).Name.ShouldBe(Protection(7).Name);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_password_is_hashed_with_the_rounds_that_are_recommended_and_an_older_hash_of_fewer_still_fits()
    {
        using var usual = new Passwords(Microsoft.Extensions.Options.Options.Create(new IdentityOptions()));
        using var quick = new Passwords(Microsoft.Extensions.Options.Options.Create(new IdentityOptions { PasswordIterations = 1_000 }));
        RoundsOf(await usual.HashAsync("a password", CancellationToken.None)).ShouldBe(210_000);
        var older = await quick.HashAsync("a password", CancellationToken.None);
        RoundsOf(older).ShouldBe(1_000);
        (await usual.CheckAsync(older, "a password", CancellationToken.None)).ShouldBeTrue();
        (await usual.CheckAsync(older, "another", CancellationToken.None)).ShouldBeFalse();

        // The format of ASP.NET Core's hasher: version, function, rounds.
        static int RoundsOf(string hash) => System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(Convert.FromBase64String(hash).AsSpan(5, 4));
    }

    [Fact]
    public void A_key_of_the_wrong_length_is_one_clear_sentence() =>
        Should.Throw<PlatformStartException>(() => Protection("Identity:KeyProtection", "AAAA").Name).Message.ShouldBe("Identity:KeyProtection must hold 32 bytes in base 64.");

    private static KeyProtection Protection(byte seed) => Protection("Identity:KeyProtection", Convert.ToBase64String([.. Enumerable.Repeat(seed, 32)]));

    private static KeyProtection Protection(string name, string value) =>
        new(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { [name] = value }).Build().GetSection("Identity"), "signing keys");
}
