using FsCheck;
using FsCheck.Fluent;
using Mobility.Contracts;
using Mobility.Payments;
using Mobility.Payments.Provider;
using Mobility.Platform;
using static Mobility.Tests.Payments.PaymentsSamples;

namespace Mobility.Tests.Payments;

/// <summary>Random lives of a payment: every message in any order and number, answers lost, provider down, credit given; the laws of money hold at every moment.</summary>
public sealed class PaymentProperties
{
    private static readonly string?[] Tokens = ["tok_visa", "tok_visa", "tok_declined", "tok_3ds", "tok_capture_declined", "tok_remainder_declined", "wallet", null];

    [Fact, Trait("Req", "PAY-3"), Trait("Req", "PAY-6"), Trait("Req", "EVT-9")]
    public void No_cent_is_lost_in_any_life()
    {
        var lives =
            from token in Gen.Elements(Tokens)
            from credit in Gen.Elements(0L, 0L, 200L, 1000L, 5000L)
            from hold in Gen.Elements(0L, 500L, 1000L)
            from total in Gen.Elements(0L, 1L, 499L, 1000L, 1700L)
            from moves in Gen.Elements(Enum.GetValues<Move>()).ListOf(25)
            select new Life(token, credit, hold, total, [.. moves]);
        Prop.ForAll(lives.ToArbitrary(), life => new World(life).Live()).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));
    }

    internal enum Move
    {
        Confirm,
        Release,
        ReleaseWithFee,
        Charge,
        Step,
        Step2,
        Step3,
        LoseAnswer,
        Outage,
        Recovery,
        Approve,
        Refuse,
        Grant,
        Day,
    }

    internal sealed record Life(string? Token, long Credit, long Hold, long Total, IReadOnlyList<Move> Moves)
    {
        public override string ToString() => $"{Token ?? "no method"}, credit {Credit}, hold {Hold}, total {Total}: {string.Join(' ', Moves)}";
    }

    /// <summary>The module without its database: the same decisions, postings and provider.</summary>
    private sealed class World(Life life)
    {
        private readonly RememberingProvider _provider = new();
        private readonly List<Posting> _postings = [];
        private readonly PaymentId _id = PaymentStream.IdOf(SampleBooking);
        private PaymentState _state = PaymentStream.Type.Initial;
        private DateTimeOffset _now = Now;
        private int _version;
        private int _grants;

        public bool Live()
        {
            if (life.Credit > 0)
                Grant(life.Credit);
            foreach (var move in life.Moves)
            {
                Make(move);
                CheckLaws();
            }
            _provider.IsDown = false;
            _provider.AnswersToLose = 0;
            _provider.AnswerChallenges(approved: true);
            for (var i = 0; i < 100 && TakeStep(); i++)
                CheckLaws();
            CheckEnd();
            return true;
        }

        private void Make(Move move)
        {
            switch (move)
            {
                case Move.Confirm:
                    Happen(OnBookingConfirmationRequested.Decide(_state, Confirm(life.Hold, life.Token, Balance)));
                    break;
                case Move.Release:
                    Happen(OnBookingReleased.Decide(_state, Release()));
                    break;
                case Move.ReleaseWithFee:
                    Happen(OnBookingReleased.Decide(_state, Release(ReleaseReason.NoShow, feeDue: true)));
                    break;
                case Move.Charge:
                    Happen(OnRideCharged.Decide(_state, ChargeRide(life.Total, Balance)));
                    break;
                case Move.Step or Move.Step2 or Move.Step3:
                    TakeStep();
                    break;
                case Move.LoseAnswer:
                    _provider.AnswersToLose++;
                    break;
                case Move.Outage or Move.Recovery:
                    _provider.IsDown = move == Move.Outage;
                    break;
                case Move.Approve or Move.Refuse:
                    _provider.AnswerChallenges(move == Move.Approve);
                    break;
                case Move.Grant:
                    Grant(150);
                    break;
                case Move.Day:
                    _now += TimeSpan.FromDays(1);
                    break;
            }
        }

        private bool TakeStep()
        {
            var step = PaymentFlow.Next(_state, _now);
            if (step is Step.Nothing or Step.Wait)
                return false;
            try
            {
                var events = step switch
                {
                    Step.VoidLocally => [new Voided()],
                    Step.PrepareRemainder => PaymentFlow.PrepareRemainder(_state, Eur(Balance), life.Token == "wallet" ? null : life.Token, newMeans: false),
                    _ => PaymentFlow.Answered(_state, step, Ask(step)),
                };
                Happen(events);
                return events.Count > 0;
            }
            catch (ProviderUnavailableException)
            {
                return false;
            }
        }

        private Intent Ask(Step step) => (step switch
        {
            Step.Authorize a => _provider.CreateAsync(new IntentRequest(a.Amount, a.Token, "authorize", "r", false), default),
            Step.Refresh r => _provider.GetAsync(r.Intent, default),
            Step.Capture c => _provider.CaptureAsync(c.Intent, c.Amount, "capture", default),
            Step.Cancel c => _provider.CancelAsync(c.Intent, "cancel", default),
            Step.ChargeRemainder { Request: var rest } => _provider.CreateAsync(new IntentRequest(rest.Amount, rest.Token, $"remainder:{rest.Number}", "r", true), default),
            _ => throw new InvalidOperationException(),
        }).GetAwaiter().GetResult();

        private void Happen(IReadOnlyList<PaymentEvent> events)
        {
            foreach (var e in events)
            {
                var before = _state;
                _state = PaymentStream.Evolve(_state, e);
                if (PaymentJournal.PostingOf(_id, ++_version, before, _state, e, _provider.Name) is { } posting)
                    _postings.Add(posting);
            }
        }

        private void Grant(long amount) => _postings.Add(new Posting(Id.Named<PostingId>("grant", $"{++_grants}"), "grant", Rider.Value, Currency.Eur,
            Entry.Goodwill(amount), Entry.Wallet(Rider, -amount)));

        private long Balance => -SumOf(Entry.Wallet(Rider, 1).Account);

        private long SumOf(string account) => _postings.SelectMany(p => p.Entries).Where(e => e.Account == account).Sum(e => e.Amount);

        private void CheckLaws()
        {
            _postings.SelectMany(p => p.Entries).Sum(e => e.Amount).ShouldBe(0, "the ledger sums to zero");
            _postings.ShouldAllBe(p => p.Entries.Sum(e => e.Amount) == 0);
            _postings.Select(p => p.Id).ShouldBeUnique();
            Balance.ShouldBeGreaterThanOrEqualTo(0, "the wallet is never overdrawn");
            var captured = _state.Captured?.Amount ?? 0;
            captured.ShouldBeLessThanOrEqualTo(_state.Authorized?.Amount ?? 0, "captured never exceeds authorized");
            var owed = SumOf(Entry.Receivable(Rider, 1).Account);
            owed.ShouldBe(_state.Due?.Amount ?? 0, "the ledger knows what is owed");
            owed.ShouldBeGreaterThanOrEqualTo(0, "nobody pays more than the charge");
            SumOf(Entry.Clearing(_provider.Name, 1).Account).ShouldBeLessThanOrEqualTo(life.Total, "the provider never takes more than the charge");
            if (_state.IsSettled)
                owed.ShouldBe(0);
        }

        /// <summary>When everything that can happen has happened.</summary>
        private void CheckEnd()
        {
            _provider.Intents.Sum(i => i.Captured.Amount).ShouldBe(SumOf(Entry.Clearing(_provider.Name, 1).Account), "the provider's memory is ours");
            if (_state.Charge is not null)
                (_state.IsSettled || _state.OutstandingReason is not null).ShouldBeTrue("a charge ends paid or outstanding");
            if (_state.IsSettled || (_state is { Released: not null, FeeDue: false, Charge: null }))
            {
                _provider.Intents.ShouldAllBe(i => i.Status != IntentStatus.RequiresCapture && i.Status != IntentStatus.RequiresAction);
                SumOf(Entry.WalletHold(Rider, 1).Account).ShouldBe(0, "nothing stays reserved");
            }
        }
    }
}
