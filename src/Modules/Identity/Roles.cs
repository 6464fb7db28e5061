namespace Mobility.Identity;

/// <summary>What each role may do: the one table (requirement IDN-5). A role has its own permissions and those of the roles it inherits.</summary>
internal static class Roles
{
    public const string Rider = "rider";
    public const string BookableRider = "bookable_rider";
    public const string Staff = "staff";
    public const string SupportAgent = "support_agent";
    public const string FieldTechnician = "field_technician";
    public const string OperationsManager = "operations_manager";
    public const string Finance = "finance";
    public const string DataScientist = "data_scientist";
    public const string MlEngineer = "ml_engineer";
    public const string Admin = "admin";
    public const string Device = "device";
    public const string Service = "service";

    private static readonly Dictionary<string, Role> Table = new(StringComparer.Ordinal)
    {
        [Rider] = new([], ["account.self", "payments.self", "vehicles.read"]),
        [BookableRider] = new([Rider], ["bookings.write", "quotes.write"]),
        [Staff] = new([], ["account.self", "vehicles.read", "fleet.read"]),
        [SupportAgent] = new([Staff], ["bookings.read", "payments.read", "ops.read"]),
        [FieldTechnician] = new([Staff], ["fleet.command", "fleet.manage"]),
        [OperationsManager] = new([SupportAgent, FieldTechnician], ["bookings.manage", "fleet.disable", "zones.manage", "ops.manage"]),
        [Finance] = new([Staff], ["bookings.read", "payments.read", "payments.manage"]),
        [DataScientist] = new([Staff], ["bookings.read", "ops.read"]),
        [MlEngineer] = new([DataScientist], []),
        [Admin] = new([OperationsManager, Finance, MlEngineer, BookableRider], ["accounts.manage"]),
        [Device] = new([], ["device.report"]),
        [Service] = new([], ["internal.ask"]),
    };

    private static readonly Dictionary<string, IReadOnlyList<string>> Resolved = Table.Keys.ToDictionary(name => name, Resolve, StringComparer.Ordinal);

    public static IReadOnlyCollection<string> All => Table.Keys;

    /// <summary>Every permission that any role has, sorted.</summary>
    public static IReadOnlyList<string> AllPermissions { get; } = [.. Table.Keys.SelectMany(PermissionsOf).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Permissions of a role with all it inherits, sorted; none for a name that is no role.</summary>
    public static IReadOnlyList<string> PermissionsOf(string role) => Resolved.GetValueOrDefault(role, []);

    /// <summary>Permissions of several roles together, sorted.</summary>
    public static IReadOnlyList<string> PermissionsOf(IReadOnlyCollection<string> roles) =>
        roles.Count == 1 ? PermissionsOf(roles.First()) : [.. roles.SelectMany(PermissionsOf).Distinct().Order(StringComparer.Ordinal)];

    private static IReadOnlyList<string> Resolve(string role) =>
        [.. Table[role].Inherits.SelectMany(Resolve).Concat(Table[role].Permissions).Distinct().Order(StringComparer.Ordinal)];

    private sealed record Role(string[] Inherits, string[] Permissions);
}
