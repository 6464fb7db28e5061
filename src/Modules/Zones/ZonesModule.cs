using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Zones;

/// <summary>Cities, zones and bays with their versions, and what is allowed where.</summary>
public sealed class ZonesModule : IModule
{
    /// <inheritdoc/>
    public string Name => "zones";

    /// <inheritdoc/>
    public IReadOnlyList<string> Needs => [];

    /// <inheritdoc/>
    public void Configure(IModuleBuilder module)
    {
        module.Services.AddSingleton<CityMaps>();
        module.Services.AddSingleton<IPackLoader, LoadPack>();
        module.Answer<GetZoneRule, ZoneRuling>(AnswerZoneRule.Handle);
        module.Answer<GetZoneOutlines, ZoneOutlines?>(AnswerZoneOutlines.Handle);
        module.Answer<GetParking, ParkingRuling>(AnswerParking.Handle);
        module.Endpoints(GetCities.Map);
        module.Endpoints(GetCity.Map);
        module.Endpoints(GetZones.Map);
        module.Endpoints(FindBays.Map);
        module.Endpoints(GetZonesAt.Map);
    }
}
