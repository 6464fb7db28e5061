using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Identity;
using Mobility.Platform;
using Mobility.Platform.Auth;

namespace Mobility.Tests.Support;

/// <summary>Clients with tokens that the platform itself signed, without registration and passwords.</summary>
public static class TestTokens
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(60); // tests move their clock far ahead

    /// <summary>A token of any kind with any permissions.</summary>
    public static string TokenOf(this PlatformFixture platform, CallerKind kind, Guid subject, IEnumerable<string> permissions) =>
        platform.Services.GetRequiredService<TokenIssuer>().Issue(subject, kind, permissions, Lifetime);

    /// <summary>A rider who may book.</summary>
    public static HttpClient RiderClient(this PlatformFixture platform, AccountId rider) =>
        platform.NewClient(platform.TokenOf(CallerKind.Rider, rider.Value, Roles.PermissionsOf(Roles.BookableRider)));

    /// <summary>Staff of a role, for example <c>admin</c>, <c>operations_manager</c>, <c>field_technician</c>, <c>support_agent</c> or <c>finance</c>.</summary>
    public static HttpClient StaffClient(this PlatformFixture platform, string role = "admin") =>
        platform.NewClient(platform.TokenOf(CallerKind.Staff, Id.Named<AccountId>("test-staff", role).Value, Roles.PermissionsOf(role)));

    /// <summary>A vehicle.</summary>
    public static HttpClient DeviceClient(this PlatformFixture platform, VehicleId vehicle) =>
        platform.NewClient(platform.TokenOf(CallerKind.Device, vehicle.Value, Roles.PermissionsOf(Roles.Device)));
}
