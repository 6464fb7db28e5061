using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Mobility.Platform.Auth;

/// <summary>What sort of account acts.</summary>
public enum CallerKind
{
    /// <summary>A customer.</summary>
    Rider,
    /// <summary>An employee of the operator.</summary>
    Staff,
    /// <summary>Another process of the platform or a partner's system.</summary>
    Service,
    /// <summary>A vehicle.</summary>
    Device,
}

/// <summary>Who makes a request, as the verified token says. An endpoint takes it as a parameter.</summary>
/// <param name="Subject">The account; for a device, the vehicle.</param>
/// <param name="Kind">The sort of account.</param>
/// <param name="Permissions">What it may do, for example <c>bookings.write</c>.</param>
/// <param name="Actor">The subject in text form, for causation and logs.</param>
public sealed record Caller(Guid Subject, CallerKind Kind, IReadOnlySet<string> Permissions, string Actor)
{
    /// <summary>Set by the authentication step.</summary>
    internal const string ItemKey = "mobility.caller";

    /// <summary>Whether the caller has a permission.</summary>
    public bool May(string permission) => Permissions.Contains(permission);

    /// <summary>Binds the caller of the request; endpoints that allow anonymous callers take <see cref="HttpContext"/> instead.</summary>
    public static ValueTask<Caller?> BindAsync(HttpContext http, ParameterInfo parameter)
    {
        _ = parameter;
        return ValueTask.FromResult(http.Items[ItemKey] as Caller);
    }
}

/// <summary>What an endpoint demands of its caller. An endpoint without one is refused at start: nothing is open by oversight.</summary>
/// <param name="Permission">The permission; null when being signed in is enough.</param>
public sealed record AccessRule(string? Permission)
{
    /// <summary>Whether anybody may call.</summary>
    public bool Anonymous { get; init; }
}

/// <summary>How endpoints say who may call them.</summary>
public static class AccessRules
{
    /// <summary>Only callers with a permission.</summary>
    public static TBuilder RequirePermission<TBuilder>(this TBuilder builder, string permission) where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new AccessRule(permission));

    /// <summary>Any signed-in caller.</summary>
    public static TBuilder RequireSignedIn<TBuilder>(this TBuilder builder) where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new AccessRule(null));

    /// <summary>Anybody.</summary>
    public static TBuilder OpenToAll<TBuilder>(this TBuilder builder) where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new AccessRule(null) { Anonymous = true });
}
