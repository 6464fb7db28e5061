using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>Reservations that can never be sold twice, and the rides that come of them.</summary>
public sealed class BookingModule : IModule
{
    /// <inheritdoc/>
    public string Name => "booking";

    /// <inheritdoc/>
    public IReadOnlyList<string> Needs => ["pricing", "fleet", "zones"];

    /// <inheritdoc/>
    public void Configure(IModuleBuilder module)
    {
        module.Services.AddSingleton<Alternatives>();
        module.Services.AddSingleton<ZoneRules>();
        module.Services.AddSingleton<SafetyConfirmations>();
        module.Stream(BookingStream.Type);
        module.View(HoldsView.View);
        module.View(BookingsView.View);
        module.View(TripHistory.View);
        module.Scheduled<DeadlineReached>("deadline-reached", OnDeadline.Handle);
        module.Subscribe<PaymentAuthorizedV1>("confirm-booking", OnPaymentAuthorized.Handle);
        module.Subscribe<PaymentActionRequiredV1>("show-payment-action", OnPaymentActionRequired.Handle);
        module.Subscribe<PaymentDeclinedV1>("release-unpaid", OnPaymentDeclined.Handle);
        module.Subscribe<VehicleUnlockedV1>("start-ride", OnVehicleUnlocked.Handle);
        module.Subscribe<VehicleLockedV1>("end-ride", OnVehicleLocked.Handle);
        module.Subscribe<VehicleCommandFailedV1>("compensate-vehicle", OnVehicleCommandFailed.Handle);
        module.Subscribe<RideChargedV1>("note-charge", OnRideCharged.Handle);
        module.Subscribe<PaymentSettledV1>("settle-booking", OnPaymentSettled.Handle);
        module.Endpoints(app =>
        {
            SafetyChecklist.Map(app);
            ReserveVehicle.Map(app);
            ConfirmBooking.Map(app);
            CancelBooking.Map(app);
            ExtendBooking.Map(app);
            UnlockVehicle.Map(app);
            IssueUnlockToken.Map(app);
            PauseRide.Map(app);
            ResumeRide.Map(app);
            EndRide.Map(app);
            ForceEndBooking.Map(app);
            GetBooking.Map(app);
            ListBookings.Map(app);
            ListTrips.Map(app);
        });
        foreach (var check in BookingAudits.All)
            module.Audit(check);
    }
}
