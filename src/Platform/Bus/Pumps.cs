using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Mobility.Platform.Observability;

namespace Mobility.Platform.Bus;

/// <summary>Runs every subscription, schedule and asynchronous view of the process's modules. A pump that fails for good stops the process.</summary>
internal sealed class Pumps : BackgroundService
{
    private readonly IReadOnlyList<SubscriptionPump> _subscriptions;
    private readonly IReadOnlyList<SchedulePump> _schedules;
    private readonly IReadOnlyList<ViewPump> _views;

    public Pumps(IReadOnlyList<ModuleDefinition> modules, IServiceProvider services, BusTail tail, Election election, TimeProvider clock, ILoggerFactory logs)
    {
        var log = logs.CreateLogger("Mobility.Platform.Bus");
        ModuleDatabase DatabaseOf(ModuleDefinition module) => services.GetRequiredKeyedService<ModuleDatabase>(module.Module);
        _subscriptions = [.. modules.SelectMany(m => m.Subscriptions.Select(s => new SubscriptionPump(m, s, DatabaseOf(m), tail, election, services, clock, log)))];
        _schedules = [.. modules.Select(m => new SchedulePump(m, DatabaseOf(m), services, clock, log))];
        _views = [.. modules.SelectMany(m => m.Views.Where(v => !v.Exact).Select(v => new ViewPump(m, v, DatabaseOf(m), election, clock, log)))];
        PlatformMetrics.ObserveLag(() => _subscriptions.Select(s => (s.Name, tail.CountAfter(s.Examined, s.Contract))));
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        [.. _subscriptions.Select(p => p.RunAsync(stoppingToken)), .. _schedules.Select(p => p.RunAsync(stoppingToken)), .. _views.Select(p => p.RunAsync(stoppingToken))]);
}
