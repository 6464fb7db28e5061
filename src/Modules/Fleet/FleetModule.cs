using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Fleet.Updates;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>Vehicles: their registry, their MDS states, commands to them and what they report.</summary>
public sealed class FleetModule : IModule
{
    /// <inheritdoc/>
    public string Name => "fleet";

    /// <inheritdoc/>
    public IReadOnlyList<string> Needs => [];

    /// <inheritdoc/>
    public void Configure(IModuleBuilder module)
    {
        module.Services.AddSingleton<IValidateOptions<FleetOptions>, FleetOptionsValidator>();
        module.Services.AddOptions<FleetOptions>().Bind(module.Configuration.GetSection(Name)).ValidateOnStart();
        module.Services.AddSingleton<IPackLoader, FleetPackLoader>();
        module.Services.AddSingleton<UnlockKeys>().AddSingleton<UnlockTokens>();

        module.Stream(VehicleStream.Type);
        module.View(VehicleTable.View);

        module.Subscribe<BookingReservedV1>("keep-vehicle", OnBookingReserved.Handle);
        module.Subscribe<BookingWindowOpenedV1>("keep-vehicle-for-window", OnBookingWindowOpened.Handle);
        module.Subscribe<BookingReleasedV1>("free-vehicle", OnBookingReleased.Handle);
        module.Subscribe<RideStartedV1>("start-trip", OnRideStarted.Handle);
        module.Subscribe<RidePauseChangedV1>("pause-trip", OnRidePauseChanged.Handle);
        module.Subscribe<RideEndedV1>("end-trip", OnRideEnded.Handle);
        module.Subscribe<VehicleCommandRequestedV1>("command-vehicle", OnVehicleCommandRequested.Handle);
        module.Subscribe<VehicleReportedLockV1>("believe-vehicle", OnVehicleReportedLock.Handle);
        module.Subscribe<VehicleAnsweredCommandV1>("hear-answer", OnVehicleAnsweredCommand.Handle);
        module.Subscribe<VehicleTwinReportedV1>("compare-twin", OnVehicleTwinReported.Handle);
        module.Subscribe<VehicleStandsV1>("disable-standing", OnVehicleStands.Handle);
        module.Scheduled<CommandTimeout>("command-timeout", GiveUpCommand.Handle);
        module.Scheduled<DisableTimeout>("disable-timeout", LapseDisable.Handle);

        module.Answer<GetVehicle, VehicleSummary?>(GetVehicleById.Answer);
        module.Answer<ListVehiclesNow, IReadOnlyList<VehicleNow>>(ListAllVehicles.Answer);
        module.Answer<FindRentable, IReadOnlyList<VehicleSummary>>(FindNearbyVehicles.Answer);
        module.Answer<GetUnlockToken, UnlockToken?>(AnswerUnlockToken.Answer);
        module.Answer<GetPendingCommands, IReadOnlyList<VehicleCommandIssuedV1>>(VehicleGateway.Answer);

        module.Endpoints(GetVehicleById.Map);
        module.Endpoints(GetVehicleCommands.Map);
        module.Endpoints(AnswerCommand.Map);
        module.Endpoints(ReportTwin.Map);
        module.Endpoints(ReportLock.Map);
        module.Endpoints(GetUnlockKeys.Map);
        module.Endpoints(ListFleet.Map);
        module.Endpoints(IssueCommand.Map);
        module.Endpoints(GetCommand.Map);
        module.Endpoints(ApproveDisable.Map);
        module.Endpoints(GetTwin.Map);
        module.Endpoints(RegisterVehicle.Map);
        module.Endpoints(ChangeLifecycle.Map);
        module.Endpoints(InstallBattery.Map);
        module.Endpoints(RelocateVehicle.Map);

        UpdatesSetup.Configure(module);

        module.Audit(FleetAudit.StepsFollowMds);
        module.Audit(FleetAudit.CommandsEnd);
        module.Audit(FleetAudit.DisablesEnd);
        module.Audit(FleetAudit.DisablesHaveTwo);
    }
}
