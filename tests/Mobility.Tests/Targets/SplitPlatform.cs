using Mobility.Tests.Bookings;

namespace Mobility.Tests.Targets;

/// <summary>The same platform as two processes over one database; what one asks the other goes over HTTP with a service's token.</summary>
public sealed class SplitPlatform : BookingPlatform
{
    private static readonly string[] First = ["identity", "booking", "notifications"];

    protected override IReadOnlyList<string[]> Processes => [First, [.. global::Mobility.Host.Modules.All().Select(module => module.Name).Except(First)]];

    protected override IReadOnlyDictionary<string, string?> Settings => new Dictionary<string, string?>(base.Settings)
    {
        ["Identity:Services:tests"] = "a secret of the tests",
        ["Service:ClientId"] = "tests",
        ["Service:ClientSecret"] = "a secret of the tests",
    };
}
