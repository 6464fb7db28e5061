using System.Diagnostics;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Fleet.Updates;

internal enum RolloutPhase
{
    None,
    Running,
    Stopped,
    Completed,
}

/// <summary>When a wave is good enough to open the next one, and when it is so bad that everything is taken back.</summary>
/// <param name="HealthyFor">How long a vehicle must run the release without being heard of otherwise.</param>
/// <param name="WaveWithin">A wave that is not good enough by then stops the rollout; the last one ends it, since whoever is away gets the release later.</param>
/// <param name="HealthyPercent">Of the vehicles of the wave and of those before.</param>
/// <param name="FailedPercent">More than this of them stops it.</param>
internal sealed record RolloutPlan(TimeSpan HealthyFor, TimeSpan WaveWithin, int HealthyPercent, int FailedPercent);

internal abstract record RolloutEvent;

internal sealed record RolloutStarted(RolloutId Rollout, long Version, CityId? City, VehicleTypeId? Type, RolloutPlan Plan, int Vehicles, DateTimeOffset At) : RolloutEvent;

/// <summary>So many vehicles, the first by place, are offered the release from now on.</summary>
internal sealed record WaveOpened(int Percent, int Vehicles, DateTimeOffset At) : RolloutEvent;

/// <summary>Nobody is offered it any more, and who has it is told to return.</summary>
internal sealed record RolloutStopped(string Reason, int Failed, DateTimeOffset At) : RolloutEvent;

/// <summary>The last wave was good enough. Vehicles that were away are still offered it.</summary>
internal sealed record RolloutCompleted(int Healthy, DateTimeOffset At) : RolloutEvent;

/// <summary>How the vehicles that were offered the release are.</summary>
internal readonly record struct WaveCounts(int Healthy, int Failed);

/// <summary>A rollout as its stream says (FLT-10): 5, 25, 100 percent.</summary>
internal sealed record Rollout
{
    public static readonly IReadOnlyList<int> Waves = [5, 25, 100];

    public static readonly Rollout None = new();

    public RolloutId Id { get; init; }
    public long Version { get; init; }
    public RolloutPlan Plan { get; init; } = new(default, default, 0, 0);
    public RolloutPhase Phase { get; init; }
    public int Vehicles { get; init; }
    public int Percent { get; init; }

    /// <summary>Vehicles of the open wave and those before.</summary>
    public int Open { get; init; }

    public DateTimeOffset WaveOpenedAt { get; init; }
    public string? Reason { get; init; }

    /// <summary>The first wave of a small fleet has one vehicle.</summary>
    public static int VehiclesOf(int percent, int vehicles) => (int)(((long)vehicles * percent + 99) / 100);

    public static Rollout Evolve(Rollout state, RolloutEvent e) => e switch
    {
        RolloutStarted started => state with
        {
            Id = started.Rollout,
            Version = started.Version,
            Plan = started.Plan,
            Vehicles = started.Vehicles,
            Phase = RolloutPhase.Running,
        },
        WaveOpened wave => state with { Percent = wave.Percent, Open = wave.Vehicles, WaveOpenedAt = wave.At },
        RolloutStopped stopped => state with { Phase = RolloutPhase.Stopped, Reason = stopped.Reason },
        RolloutCompleted => state with { Phase = RolloutPhase.Completed },
        _ => throw new UnreachableException($"{e.GetType().Name} is no event of a rollout."),
    };

    /// <summary>What follows from how the vehicles are: the next wave, the end, the stop, or nothing yet.</summary>
    public static Decision<RolloutEvent> Judge(Rollout rollout, WaveCounts counts, DateTimeOffset now)
    {
        if (rollout.Phase != RolloutPhase.Running)
            return Decision<RolloutEvent>.Accept();
        if ((long)counts.Failed * 100 > (long)rollout.Plan.FailedPercent * rollout.Open)
            return Decision<RolloutEvent>.Accept(new RolloutStopped("too_many_failed", counts.Failed, now));
        var isLast = rollout.Percent == Waves[^1];
        var isOver = now >= rollout.WaveOpenedAt + rollout.Plan.WaveWithin;
        if ((long)counts.Healthy * 100 >= (long)rollout.Plan.HealthyPercent * rollout.Open)
            return Decision<RolloutEvent>.Accept(isLast ? new RolloutCompleted(counts.Healthy, now) : Next(rollout, now));
        return !isOver ? Decision<RolloutEvent>.Accept()
            : isLast ? Decision<RolloutEvent>.Accept(new RolloutCompleted(counts.Healthy, now))
            : Decision<RolloutEvent>.Accept(new RolloutStopped("not_enough_healthy", counts.Failed, now));
    }

    /// <summary>The first wave, or the one after this.</summary>
    public static WaveOpened Next(Rollout rollout, DateTimeOffset now)
    {
        var percent = Waves.First(percent => percent > rollout.Percent);
        return new WaveOpened(percent, VehiclesOf(percent, rollout.Vehicles), now);
    }
}

internal static class RolloutStream
{
    public static readonly StreamType<Rollout, RolloutEvent> Type = new("rollout", Rollout.None, Rollout.Evolve, new EventCatalog<RolloutEvent>()
        .Add<RolloutStarted>("rollout_started.v1")
        .Add<WaveOpened>("wave_opened.v1")
        .Add<RolloutStopped>("rollout_stopped.v1")
        .Add<RolloutCompleted>("rollout_completed.v1"));

    /// <summary>What staff see of rollouts, and the rule that there is one at a time.</summary>
    public static readonly View View = new("update_rollouts", ["update_rollouts"], [Type.Name], Exact: true, Apply);

    private static void Apply(ViewEvent e, AddStatement add)
    {
        switch (e.Event)
        {
            case RolloutStarted started:
                add("INSERT INTO update_rollouts (id, version, city, type, phase, percent, vehicles, started_at) VALUES ($1, $2, $3, $4, $5, 0, $6, $7)",
                    e.Stream, started.Version, started.City?.Value, started.Type?.Value, Words<RolloutPhase>.Of(RolloutPhase.Running), started.Vehicles, started.At);
                break;
            case WaveOpened wave:
                add("UPDATE update_rollouts SET percent = $2 WHERE id = $1", e.Stream, wave.Percent);
                break;
            case RolloutStopped stopped:
                add("UPDATE update_rollouts SET phase = $2, reason = $3, ended_at = $4 WHERE id = $1", e.Stream, Words<RolloutPhase>.Of(RolloutPhase.Stopped),
                    stopped.Reason, stopped.At);
                break;
            case RolloutCompleted completed:
                add("UPDATE update_rollouts SET phase = $2, ended_at = $3 WHERE id = $1", e.Stream, Words<RolloutPhase>.Of(RolloutPhase.Completed), completed.At);
                break;
            default:
                throw new UnreachableException($"{e.Event.GetType().Name} is no event of a rollout.");
        }
    }
}
