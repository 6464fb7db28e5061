using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Identity;

/// <summary>The people of a city pack become staff accounts. Who exists already, with whatever password and roles, is left alone.</summary>
internal sealed class StaffLoader(Database<IdentityModule> database, Passwords passwords, TimeProvider clock) : IPackLoader
{
    public string Section => "staff accounts";

    public async Task LoadAsync(CityPack pack, CancellationToken ct)
    {
        var known = (await database.QueryAsync<string>("SELECT email_key FROM accounts WHERE email_key = ANY(@keys) ORDER BY email_key LIMIT 10000",
            new { keys = pack.Staff.Select(s => Accounts.KeyOf(s.Email)).ToArray() }, ct)).ToHashSet(StringComparer.Ordinal);
        foreach (var person in pack.Staff.Where(s => !known.Contains(Accounts.KeyOf(s.Email))))
            await AddAsync(person, pack.City.Language, ct);
    }

    /// <summary>The role of a pack in the words of <see cref="Roles"/>.</summary>
    public static string RoleOf(StaffRole role) => JsonNamingPolicy.SnakeCaseLower.ConvertName(role.ToString());

    private async Task AddAsync(StaffAccount person, string language, CancellationToken ct)
    {
        var key = Accounts.KeyOf(person.Email);
        await database.ExecuteAsync("""
            INSERT INTO accounts (id, kind, email, email_key, display_name, language, roles, password_hash, email_verified_at, created_at, version)
            VALUES (@id, 'staff', @Email, @key, @DisplayName, @language, @roles, @hash, @now, @now, 1) ON CONFLICT DO NOTHING
            """, new
        {
            id = Id.Named<AccountId>("staff", key).Value,
            person.Email,
            key,
            person.DisplayName,
            language,
            roles = new[] { RoleOf(person.Role) },
            hash = person.DemoPassword is null ? null : await passwords.HashAsync(person.DemoPassword, ct),
            now = clock.GetUtcNow(),
        }, ct);
    }
}
