using Mobility.Platform.Modules;

namespace Mobility.Telemetry.Live;

/// <summary>What the live fleet declares in its module.</summary>
internal static class LiveSetup
{
    public static void Configure(IModuleBuilder module)
    {
    }
}
