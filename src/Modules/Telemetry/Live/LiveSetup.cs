using Microsoft.Extensions.DependencyInjection;
using Mobility.Platform.Bus;
using Mobility.Platform.Modules;
using Mobility.Telemetry.Ingest;

namespace Mobility.Telemetry.Live;

/// <summary>What the live fleet declares in its module.</summary>
internal static class LiveSetup
{
    public static void Configure(IModuleBuilder module)
    {
        module.Services.AddSingleton<LiveFleetFeed>().AddSingleton<IReportListener>(p => p.GetRequiredService<LiveFleetFeed>())
            .AddSingleton<ILogFollower>(p => p.GetRequiredService<LiveFleetFeed>());
        module.Services.AddHostedService(p => p.GetRequiredService<LiveFleetFeed>());
        module.Endpoints(FindNearbyVehicles.Map);
        module.Endpoints(StreamVehicles.Map);
        module.Endpoints(CountVehiclesByZone.Map);
        module.Endpoints(CompareLiveFleet.Map);
    }
}
