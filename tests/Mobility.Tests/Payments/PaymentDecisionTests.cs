using Mobility.Contracts;
using Mobility.Payments;
using Mobility.Payments.Provider;
using static Mobility.Tests.Payments.PaymentsSamples;

namespace Mobility.Tests.Payments;

public sealed class PaymentDecisionTests
{
    [Fact, Trait("Req", "PAY-2")]
    public void A_confirmed_booking_asks_the_provider_to_reserve()
    {
        var events = OnBookingConfirmationRequested.Decide(Fold(), Confirm(1000, "tok_visa"));
        events.ShouldBe([new AuthorizationRequested(SampleBooking, Rider, SampleCity, Eur(1000), "tok_visa")]);
        PaymentFlow.Next(Fold(events), Now).ShouldBe(new Step.Authorize(Eur(1000), "tok_visa"));
    }

    [Fact]
    public void Without_a_method_the_booking_is_declined()
    {
        OnBookingConfirmationRequested.Decide(Fold(), Confirm(1000, null))[^1].ShouldBe(new Declined("no_payment_method"));
    }

    [Theory, Trait("Req", "PAY-6"), Trait("Req", "BKG-8")]
    [InlineData(999, false)]
    [InlineData(1000, true)]
    public void A_wallet_must_hold_the_estimate(long balance, bool accepted)
    {
        var last = OnBookingConfirmationRequested.Decide(Fold(), Confirm(1000, "wallet", balance))[^1];
        last.ShouldBe(accepted ? new Authorized(null, Eur(1000)) : new Declined("insufficient_balance"));
    }

    [Fact]
    public void A_free_booking_needs_no_provider()
    {
        var state = Fold(OnBookingConfirmationRequested.Decide(Fold(), Confirm(0, "tok_visa")));
        state.Hold.ShouldBe(Hold.Held);
        PaymentFlow.Next(state, Now).ShouldBe(new Step.Nothing());
    }

    [Fact, Trait("Req", "PAY-6")]
    public void Credit_pays_first_and_the_card_only_the_rest()
    {
        var state = After(Held(), OnRideCharged.Decide(Held(), ChargeRide(800, balance: 300)));
        state.Credit.ShouldBe(Eur(300));
        PaymentFlow.Next(state, Now).ShouldBe(new Step.Capture("pi_1", Eur(500)));
    }

    [Fact, Trait("Req", "PAY-6")]
    public void Credit_that_covers_the_ride_leaves_the_card_alone()
    {
        var events = OnRideCharged.Decide(Held(), ChargeRide(800, balance: 900));
        events[^1].ShouldBe(new Settled());
        PaymentFlow.Next(After(Held(), events), Now).ShouldBe(new Step.Cancel("pi_1"));
    }

    [Fact]
    public void A_ride_from_the_wallet_takes_what_was_kept_and_frees_the_rest()
    {
        var state = After(HeldInWallet(), OnRideCharged.Decide(HeldInWallet(), ChargeRide(700)));
        (state.IsSettled, state.Captured).ShouldBe((true, Eur(700)));
        PaymentFlow.Next(state, Now).ShouldBe(new Step.Nothing());
    }

    [Fact, Trait("Req", "PAY-4")]
    public void What_the_reservation_does_not_cover_is_charged_off_session()
    {
        var charged = After(Held(), OnRideCharged.Decide(Held(), ChargeRide(1500)));
        PaymentFlow.Next(charged, Now).ShouldBe(new Step.Capture("pi_1", Eur(1000)));
        var captured = After(charged, PaymentFlow.Answered(charged, PaymentFlow.Next(charged, Now), Answer(IntentStatus.Succeeded, 1000, 1000)));
        captured.IsSettled.ShouldBeFalse();
        PaymentFlow.Next(captured, Now).ShouldBe(new Step.PrepareRemainder());
        var prepared = After(captured, PaymentFlow.PrepareRemainder(captured, Eur(0), "tok_visa", newMeans: false));
        PaymentFlow.Next(prepared, Now).ShouldBe(new Step.ChargeRemainder(new RemainderRequested(1, "tok_visa", Eur(500))));
        var settled = After(prepared, PaymentFlow.Answered(prepared, PaymentFlow.Next(prepared, Now), Answer(IntentStatus.Succeeded, 500, 500, "pi_2")));
        (settled.IsSettled, settled.Due).ShouldBe((true, Eur(0)));
    }

    [Fact, Trait("Req", "PAY-4")]
    public void What_cannot_be_collected_is_outstanding_and_tried_again_with_growing_pauses()
    {
        var state = After(Held(), OnRideCharged.Decide(Held(), ChargeRide(1500)));
        state = After(state, new Captured("pi_1", Eur(1000)));
        DateTimeOffset? due = Now;
        var pauses = new List<double>();
        for (var tries = 0; due is not null; tries++)
        {
            state = After(state, PaymentFlow.PrepareRemainder(state, Eur(0), "tok_visa", newMeans: false));
            state = After(state, PaymentFlow.Answered(state, PaymentFlow.Next(state, Now), Answer(IntentStatus.Declined, 500, 0, code: "insufficient_funds")));
            due = PaymentFlow.DueAt(state, PaymentFlow.Next(state, Now), 0, Now);
            pauses.Add(due is { } at ? (at - Now).TotalHours : -1);
        }
        pauses.ShouldBe([1, 2, 4, 8, 16, 24, 24, 24, 24, -1]);
        (state.OutstandingReason, state.Due).ShouldBe(("insufficient_funds", Eur(500)));
        PaymentFlow.PrepareRemainder(state, Eur(200), null, newMeans: true).ShouldBe([new CreditApplied(Eur(200))]);
        PaymentFlow.PrepareRemainder(state, Eur(200), "tok_visa", newMeans: true).ShouldBe([new CreditApplied(Eur(200)), new RemainderRequested(11, "tok_visa", Eur(300))]);
    }

    [Fact, Trait("Req", "PAY-8")]
    public void A_provider_that_is_busy_is_asked_again_without_end()
    {
        var state = After(Held(), OnRideCharged.Decide(Held(), ChargeRide(800)));
        state = After(state, PaymentFlow.Answered(state, PaymentFlow.Next(state, Now), Answer(IntentStatus.RequiresCapture, 1000, 0, code: "processing_error")));
        state.Deferred.ShouldBeTrue();
        foreach (var failures in new[] { 1, 2, 5, 20, 1000 })
            PaymentFlow.DueAt(state, PaymentFlow.Next(state, Now), failures, Now)!.Value.ShouldBeInRange(Now + TimeSpan.FromSeconds(1), Now + TimeSpan.FromMinutes(5));
    }

    [Fact, Trait("Req", "PAY-3")]
    public void A_provider_that_says_it_took_another_amount_stops_everything()
    {
        var state = After(Held(), OnRideCharged.Decide(Held(), ChargeRide(800)));
        Should.Throw<InvalidOperationException>(() => PaymentFlow.Answered(state, PaymentFlow.Next(state, Now), Answer(IntentStatus.Succeeded, 1000, 801)));
    }

    [Fact]
    public void A_released_booking_with_a_fee_keeps_its_reservation_for_a_day()
    {
        var state = After(Held(), OnBookingReleased.Decide(Held(), Release(ReleaseReason.NoShow, feeDue: true)));
        PaymentFlow.Next(state, Now).ShouldBe(new Step.Wait(Now + PaymentFlow.FeeAwaited));
        PaymentFlow.Next(state, Now + PaymentFlow.FeeAwaited).ShouldBe(new Step.Cancel("pi_1"));
        var charged = After(state, OnRideCharged.Decide(state, ChargeRide(300)));
        PaymentFlow.Next(charged, Now).ShouldBe(new Step.Capture("pi_1", Eur(300)));
    }

    [Fact]
    public void A_charge_that_does_not_add_up_is_not_taken()
    {
        var command = ChargeRide(800);
        var wrong = command with { Ride = command.Ride with { Charge = command.Ride.Charge with { Net = Eur(1) } } };
        Should.Throw<InvalidOperationException>(() => OnRideCharged.Decide(Held(), wrong));
    }

    internal static Intent Answer(IntentStatus status, long amount, long captured, string id = "pi_1", string? code = null) =>
        new(id, status, Eur(amount), Eur(captured), status == IntentStatus.RequiresAction ? "/challenge" : null, code);

    /// <summary>Every state of the reservation × every message that may come then: what happens, and what is next.</summary>
    [Theory, Trait("Req", "EVT-9")]
    [MemberData(nameof(Cells))]
    public void Every_message_is_right_in_every_state(string given, string message, string events, string next)
    {
        var state = Given(given);
        IReadOnlyList<PaymentEvent> happened = message switch
        {
            "confirm" => OnBookingConfirmationRequested.Decide(state, Confirm(1000, "tok_visa")),
            "release" => OnBookingReleased.Decide(state, Release()),
            "release_with_fee" => OnBookingReleased.Decide(state, Release(ReleaseReason.NoShow, feeDue: true)),
            "charge" => OnRideCharged.Decide(state, ChargeRide(600)),
            _ => throw new ArgumentException(message),
        };
        string.Join(' ', happened.Select(e => e.GetType().Name)).ShouldBe(events);
        PaymentFlow.Next(After(state, happened), Now).GetType().Name.ShouldBe(next);
        if (events.Length > 0)
        {
            var again = After(state, happened);
            IReadOnlyList<PaymentEvent> repeated = message switch
            {
                "confirm" => OnBookingConfirmationRequested.Decide(again, Confirm(1000, "tok_visa")),
                "release" => OnBookingReleased.Decide(again, Release()),
                "release_with_fee" => OnBookingReleased.Decide(again, Release(ReleaseReason.NoShow, feeDue: true)),
                _ => OnRideCharged.Decide(again, ChargeRide(600)),
            };
            repeated.ShouldBeEmpty("a second delivery changes nothing");
        }
    }

    public static TheoryData<string, string, string, string> Cells()
    {
        var cells = new TheoryData<string, string, string, string>();
        foreach (var line in """
            none            confirm          AuthorizationRequested   Authorize
            none            release          VoidRequested            Nothing
            none            release_with_fee VoidRequested            Nothing
            none            charge           Charged                  PrepareRemainder
            requested       confirm          -                        Authorize
            requested       release          VoidRequested            Authorize
            requested       release_with_fee VoidRequested            Authorize
            requested       charge           Charged                  Authorize
            action_required confirm          -                        Refresh
            action_required release          VoidRequested            Cancel
            action_required release_with_fee VoidRequested            Cancel
            action_required charge           Charged                  Cancel
            pending         confirm          -                        Refresh
            pending         release          VoidRequested            Cancel
            pending         release_with_fee VoidRequested            Cancel
            pending         charge           Charged                  Cancel
            held            confirm          -                        Nothing
            held            release          VoidRequested            Cancel
            held            release_with_fee VoidRequested            Wait
            held            charge           Charged                  Capture
            held_in_wallet  confirm          -                        Nothing
            held_in_wallet  release          VoidRequested+Voided     Nothing
            held_in_wallet  release_with_fee VoidRequested            Wait
            held_in_wallet  charge           Charged+Captured+Settled Nothing
            declined        confirm          -                        Nothing
            declined        release          VoidRequested            Nothing
            declined        release_with_fee VoidRequested            Nothing
            declined        charge           Charged                  PrepareRemainder
            voided          confirm          -                        Nothing
            voided          release          -                        Nothing
            voided          release_with_fee -                        Nothing
            voided          charge           Charged                  PrepareRemainder
            released_early  confirm          -                        Nothing
            released_early  charge           Charged                  PrepareRemainder
            void_in_flight  confirm          -                        Cancel
            void_in_flight  release          -                        Cancel
            void_in_flight  charge           Charged                  Capture
            charged         confirm          -                        Capture
            charged         release          -                        Capture
            charged         charge           -                        Capture
            lost            confirm          -                        PrepareRemainder
            lost            release          -                        PrepareRemainder
            lost            charge           -                        PrepareRemainder
            outstanding     confirm          -                        PrepareRemainder
            outstanding     release          -                        PrepareRemainder
            outstanding     charge           -                        PrepareRemainder
            settled         confirm          -                        Nothing
            settled         release          -                        Nothing
            settled         release_with_fee -                        Nothing
            settled         charge           -                        Nothing
            """.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var cell = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            cells.Add(cell[0], cell[1], cell[2] == "-" ? "" : cell[2].Replace('+', ' '), cell[3]);
        }
        return cells;
    }

    /// <summary>Every state × every answer of the provider to the step that is due then.</summary>
    [Theory, Trait("Req", "EVT-9")]
    [InlineData("requested", nameof(IntentStatus.RequiresCapture), "Authorized", "Nothing")]
    [InlineData("requested", nameof(IntentStatus.RequiresAction), "ActionRequired", "Refresh")]
    [InlineData("requested", nameof(IntentStatus.Processing), "AuthorizationPending", "Refresh")]
    [InlineData("requested", nameof(IntentStatus.Declined), "Declined", "Nothing")]
    [InlineData("requested", nameof(IntentStatus.Canceled), "Declined", "Nothing")]
    [InlineData("released_meanwhile", nameof(IntentStatus.RequiresCapture), "Authorized", "Cancel")]
    [InlineData("released_meanwhile", nameof(IntentStatus.RequiresAction), "ActionRequired", "Cancel")]
    [InlineData("released_meanwhile", nameof(IntentStatus.Declined), "Declined", "Nothing")]
    [InlineData("action_required", nameof(IntentStatus.RequiresAction), "", "Refresh")]
    [InlineData("action_required", nameof(IntentStatus.RequiresCapture), "Authorized", "Nothing")]
    [InlineData("action_required", nameof(IntentStatus.Declined), "Declined", "Nothing")]
    [InlineData("pending", nameof(IntentStatus.Processing), "", "Refresh")]
    [InlineData("pending", nameof(IntentStatus.RequiresCapture), "Authorized", "Nothing")]
    [InlineData("void_in_flight", nameof(IntentStatus.Canceled), "Voided", "Nothing")]
    [InlineData("void_in_flight", nameof(IntentStatus.RequiresCapture), "", "Cancel")]
    [InlineData("charged", nameof(IntentStatus.Succeeded), "Captured Settled", "Nothing")]
    [InlineData("charged", nameof(IntentStatus.RequiresCapture), "CaptureDeferred", "Capture")]
    [InlineData("charged", nameof(IntentStatus.Processing), "CaptureDeferred", "Capture")]
    [InlineData("charged", nameof(IntentStatus.Canceled), "CaptureFailed", "PrepareRemainder")]
    [InlineData("charged", nameof(IntentStatus.Declined), "CaptureFailed", "PrepareRemainder")]
    public void Every_answer_is_right_in_every_state(string given, string answer, string events, string next)
    {
        var state = Given(given);
        var status = Enum.Parse<IntentStatus>(answer);
        var captured = status == IntentStatus.Succeeded ? 600 : 0;
        var happened = PaymentFlow.Answered(state, PaymentFlow.Next(state, Now), Answer(status, 1000, captured));
        string.Join(' ', happened.Select(e => e.GetType().Name)).ShouldBe(events);
        PaymentFlow.Next(After(state, happened), Now).GetType().Name.ShouldBe(next);
    }

    [Fact]
    public void A_reservation_that_was_captured_without_us_is_not_taken_as_void()
    {
        var state = Given("void_in_flight");
        Should.Throw<InvalidOperationException>(() => PaymentFlow.Answered(state, PaymentFlow.Next(state, Now), Answer(IntentStatus.Succeeded, 1000, 600)));
    }

    private static PaymentState Given(string name) => name switch
    {
        "none" => Fold(),
        "requested" => Requested(),
        "released_meanwhile" => Released(Requested()),
        "action_required" => After(Requested("tok_3ds"), new ActionRequired("pi_1", "/challenge")),
        "pending" => After(Requested(), new AuthorizationPending("pi_1")),
        "held" => Held(),
        "held_in_wallet" => HeldInWallet(),
        "declined" => After(Requested(), new Declined("card_declined")),
        "released_early" => Released(Fold()),
        "void_in_flight" => Released(Held()),
        "voided" => After(Released(Held()), new Voided()),
        "charged" => Charged(Held()),
        "lost" => After(Charged(Held()), new CaptureFailed("expired_authorization")),
        "outstanding" => After(Charged(Held()), new CaptureFailed("expired_authorization"), new LeftOutstanding(Eur(600), "no_payment_method")),
        "settled" => After(Charged(Held()), new Captured("pi_1", Eur(600)), new Settled()),
        _ => throw new ArgumentException(name),
    };

    private static PaymentState Released(PaymentState state) => After(state, OnBookingReleased.Decide(state, Release()));

    private static PaymentState Charged(PaymentState state) => After(state, OnRideCharged.Decide(state, ChargeRide(600)));
}
