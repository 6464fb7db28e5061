using Mobility.Platform.Modules;
using Mobility.Telemetry.Live;

namespace Mobility.Telemetry;

/// <summary>The MQTT door for vehicles, what they report, and where they are now.</summary>
public sealed class TelemetryModule : IModule
{
    /// <inheritdoc/>
    public string Name => "telemetry";

    /// <inheritdoc/>
    public IReadOnlyList<string> Needs => [];

    /// <inheritdoc/>
    public void Configure(IModuleBuilder module)
    {
        LiveSetup.Configure(module);
    }
}
