using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet.Updates;

/// <summary>What the module has for updates over the air (FLT-10).</summary>
internal static class UpdatesSetup
{
    private static readonly AuditCheck RolloutsGoOn = new("fleet_rollouts_go_on", "Every rollout that runs will be looked at again, so that a bad release is stopped.", $"""
        SELECT r.id::text FROM update_rollouts r WHERE r.phase = 'running' AND NOT EXISTS (SELECT FROM scheduled s WHERE s.type = '{DueName}' AND s.key = r.id AND NOT s.parked)
        LIMIT {AuditCheck.ViolationsMax}
        """);

    private const string DueName = "rollout-due";

    public static void Configure(IModuleBuilder module)
    {
        module.Services.AddSingleton<UpdateKeys>().AddSingleton<UpdateManifests>();
        module.Stream(RolloutStream.Type);
        module.View(RolloutStream.View);
        module.Subscribe<VehicleReportedUpdateV1>("believe-update", OnVehicleReportedUpdate.Handle);
        module.Subscribe<VehicleAlertRaisedV1>("note-silence", OnVehicleSilent.HandleRaised);
        module.Subscribe<VehicleAlertClearedV1>("note-voice", OnVehicleSilent.HandleCleared);
        module.Scheduled<RolloutDue>(DueName, LookAfterRollout.Handle);
        module.Answer<GetVehicleUpdate, VehicleUpdate?>(AnswerVehicleUpdate.Answer);
        module.Endpoints(StoreUpdateImage.Map);
        module.Endpoints(GetUpdateImage.Map);
        module.Endpoints(GetUpdateKeys.Map);
        module.Endpoints(PublishUpdate.Map);
        module.Endpoints(ListUpdates.Map);
        module.Endpoints(StartRollout.Map);
        module.Endpoints(StopRollout.Map);
        module.Endpoints(GetRollout.Map);
        module.Endpoints(ListRollouts.Map);
        module.Audit(RolloutsGoOn);
    }
}
