using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Mobility.Platform.Observability;

namespace Mobility.Platform.Bus;

/// <summary>Runs the reactions, schedules and asynchronous views of the process's modules. A pump that fails for good stops the process.</summary>
internal sealed class Pumps : BackgroundService, ILagSource
{
    private readonly BusTail _tail;
    private readonly TimeProvider _clock;
    private readonly IReadOnlyList<ReactionPump> _reactions;
    private readonly IReadOnlyList<SchedulePump> _schedules;
    private readonly IReadOnlyList<ViewPump> _views;

    public Pumps(IReadOnlyList<ModuleDefinition> modules, IServiceProvider services, BusTail tail, Election election, TimeProvider clock, ILoggerFactory logs)
    {
        var log = logs.CreateLogger("Mobility.Platform.Bus");
        ModuleDatabase DatabaseOf(ModuleDefinition module) => services.GetRequiredKeyedService<ModuleDatabase>(module.Module);
        _reactions = [.. modules.Select(m => new ReactionPump(m, DatabaseOf(m), tail, election, services, clock, log))];
        _schedules = [.. modules.Select(m => new SchedulePump(m, DatabaseOf(m), services, clock, log))];
        _views = [.. modules.SelectMany(m => m.Views.Where(v => !v.Exact).Select(v => new ViewPump(m, v, DatabaseOf(m), election, clock, log)))];
        (_tail, _clock) = (tail, clock);
        PlatformMetrics.Observe(this);
    }

    /// <inheritdoc/>
    public IEnumerable<Lag> BusLags()
    {
        var now = _clock.GetUtcNow();
        foreach (var (subscription, examined) in _reactions.SelectMany(r => r.Places))
        {
            var (count, oldestAt) = _tail.CountAfter(examined, subscription.Contract);
            yield return new Lag(subscription.Name, count, oldestAt is { } at && at < now ? now - at : TimeSpan.Zero);
        }
    }

    /// <inheritdoc/>
    public IEnumerable<Lag> ViewLags() => _views.Where(v => v.IsOurs).Select(v => new Lag($"{v.Module}.{v.Name}", 0, v.Behind));

    public override void Dispose()
    {
        PlatformMetrics.Forget(this);
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        [.. _reactions.Select(p => p.RunAsync(stoppingToken)), .. _schedules.Select(p => p.RunAsync(stoppingToken)), .. _views.Select(p => p.RunAsync(stoppingToken))]);
}
