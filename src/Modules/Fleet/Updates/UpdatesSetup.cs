using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet.Updates;

/// <summary>What the module has for updates over the air (FLT-10).</summary>
internal static class UpdatesSetup
{
    public static void Configure(IModuleBuilder module)
    {
        module.Services.AddSingleton<UpdateKeys>().AddSingleton<UpdateManifests>();
        module.Stream(RolloutStream.Type);
        module.View(RolloutStream.View);
        module.Subscribe<VehicleReportedUpdateV1>("believe-update", OnVehicleReportedUpdate.Handle);
        module.Subscribe<VehicleAlertRaisedV1>("note-silence", OnVehicleSilent.HandleRaised);
        module.Subscribe<VehicleAlertClearedV1>("note-voice", OnVehicleSilent.HandleCleared);
        module.Scheduled<RolloutDue>("rollout-due", LookAfterRollout.Handle);
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
    }
}
