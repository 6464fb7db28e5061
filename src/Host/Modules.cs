using Mobility.Booking;
using Mobility.Fleet;
using Mobility.Identity;
using Mobility.Notifications;
using Mobility.Payments;
using Mobility.Platform.Modules;
using Mobility.Pricing;
using Mobility.Telemetry;
using Mobility.Zones;

namespace Mobility.Host;

/// <summary>The literal list of modules. A module that is not here does not exist.</summary>
internal static class Modules
{
    public static IReadOnlyList<IModule> All() =>
    [
        new IdentityModule(),
        new ZonesModule(),
        new FleetModule(),
        new TelemetryModule(),
        new PricingModule(),
        new BookingModule(),
        new PaymentsModule(),
        new NotificationsModule(),
    ];
}
