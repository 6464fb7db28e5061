using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform.Modules;
using Mobility.Telemetry.Alerts;
using Mobility.Telemetry.Ingest;
using Mobility.Telemetry.Live;
using Mobility.Telemetry.Mqtt;
using Mobility.Telemetry.Provisioning;

namespace Mobility.Telemetry;

/// <summary>The MQTT door for vehicles, what they report, and where they are now.</summary>
public sealed class TelemetryModule : IModule
{
    /// <inheritdoc/>
    public string Name => "telemetry";

    /// <inheritdoc/>
    public IReadOnlyList<string> Needs => ["fleet", "zones"];

    /// <inheritdoc/>
    public void Configure(IModuleBuilder module)
    {
        var services = module.Services;
        services.AddSingleton<IValidateOptions<TelemetryOptions>, TelemetryOptionsValidator>();
        services.AddOptions<TelemetryOptions>().Bind(module.Configuration.GetSection(Name)).ValidateOnStart();

        LiveSetup.Configure(module);

        services.AddSingleton<HistoryPartitions>().AddHostedService(p => p.GetRequiredService<HistoryPartitions>());
        services.AddSingleton<ReportZones>().AddSingleton<BatchStore>();
        services.AddSingleton<IngestPump>().AddHostedService(p => p.GetRequiredService<IngestPump>());
        services.AddSingleton<EventPump>().AddHostedService(p => p.GetRequiredService<EventPump>());

        services.AddSingleton<DeviceSecrets>().AddSingleton<DeviceAuthority>().AddSingleton<IDeviceAuthority>(p => p.GetRequiredService<DeviceAuthority>());
        services.AddSingleton<ICommandSource, FleetCommandSource>();
        services.AddSingleton<LastStatuses>().AddSingleton<MqttServices>().AddSingleton<MqttConnections>().AddSingleton<MqttConnectionHandler>();
        services.AddSingleton<UpdateSource>();
        services.AddHostedService<CommandCourier>();
        services.AddHostedService<UpdateCourier>();
        services.AddSingleton<MqttDoor>().AddHostedService(p => p.GetRequiredService<MqttDoor>());

        services.AddSingleton<WatchedCities>().AddSingleton<VehicleWatch>().AddSingleton<IReportListener>(p => p.GetRequiredService<VehicleWatch>());
        services.AddHostedService(p => p.GetRequiredService<VehicleWatch>());
        services.AddHostedService<StandstillWatch>();
        module.Subscribe<StandstillWantedV1>("await-standstill", OnStandstillWanted.Handle);
        module.Endpoints(ListAlerts.Map);
        module.Audit(WatchAudit.AlertsMatch);

        module.Endpoints(IssueDeviceSecret.Map);
        module.Endpoints(IssueDeviceCertificate.Map);
        module.Endpoints(RevokeDeviceCertificates.Map);
        module.Endpoints(GetDeviceAuthority.Map);
        module.Endpoints(RegisterDevices.Map);
        module.Endpoints(ListDevices.Map);
        module.Endpoints(GetDeviceLog.Map);
        module.Endpoints(RevokeDevice.Map);
        module.Endpoints(EnrollDevice.Map);
        module.Endpoints(RenewDeviceCertificate.Map);
        module.Endpoints(GetTrack.Map);
        module.Endpoints(ListQuarantine.Map);
    }
}
