using Mobility.Tests.Bookings;

namespace Mobility.Tests.Targets;

/// <summary>The same platform as two processes over one database; what one asks the other goes over HTTP with a service's token.</summary>
public sealed class SplitPlatform : BookingPlatform
{
    protected override IReadOnlyList<string[]> Processes => [["identity", "booking", "notifications"], ["zones", "fleet", "pricing", "payments"]];

    protected override IReadOnlyDictionary<string, string?> Settings => new Dictionary<string, string?>(base.Settings)
    {
        ["Identity:Services:tests"] = "a secret of the tests",
        ["Service:ClientId"] = "tests",
        ["Service:ClientSecret"] = "a secret of the tests",
    };
}
