using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;

namespace Mobility.Platform.Modules;

/// <summary>Everything one module declared; built once at start, read by the platform's pumps and doors.</summary>
public sealed class ModuleDefinition : IModuleBuilder
{
    private readonly Dictionary<string, View[]> _exactViews = new(StringComparer.Ordinal);
    private readonly Dictionary<Type, string> _scheduledNames = [];
    private readonly List<View> _views = [];

    /// <summary>Configures the module.</summary>
    public ModuleDefinition(IModule module, IServiceCollection services, IConfiguration configuration, Signals signals)
    {
        (Type, Module, Services, Configuration, Signals) = (module, module.Name, services, configuration, signals);
        module.Configure(this);
    }

    /// <summary>The module's class.</summary>
    public IModule Type { get; }

    /// <summary>The module's name.</summary>
    public string Module { get; }

    /// <inheritdoc/>
    public IServiceCollection Services { get; }

    /// <inheritdoc/>
    public IConfiguration Configuration { get; }

    /// <summary>Kinds of stream by name.</summary>
    public Dictionary<string, IStreamType> Streams { get; } = new(StringComparer.Ordinal);

    /// <summary>Derived tables.</summary>
    public IReadOnlyList<View> Views => _views;

    /// <summary>Reactions.</summary>
    public List<Subscription> Subscriptions { get; } = [];

    /// <summary>Handlers of scheduled messages by stored name.</summary>
    public Dictionary<string, ScheduledHandler> ScheduledHandlers { get; } = new(StringComparer.Ordinal);

    /// <summary>Answers by contract name.</summary>
    public Dictionary<string, QuestionHandler> Answers { get; } = new(StringComparer.Ordinal);

    /// <summary>HTTP endpoints.</summary>
    public List<Action<IEndpointRouteBuilder>> EndpointMaps { get; } = [];

    /// <summary>Laws.</summary>
    public List<AuditCheck> Audits { get; } = [];

    internal Signals Signals { get; }

    /// <inheritdoc/>
    public void Stream(IStreamType type) => Streams.Add(type.Name, type);

    /// <inheritdoc/>
    public void View(View view)
    {
        _views.Add(view);
        foreach (var stream in view.Exact ? view.StreamTypes : [])
            _exactViews[stream] = [.. _exactViews.GetValueOrDefault(stream, []), view];
    }

    /// <inheritdoc/>
    public void Subscribe<T>(string name, Func<T, Reaction, CancellationToken, Task> handle) where T : class, IContractEvent =>
        Subscriptions.Add(new Subscription($"{Module}.{name}", ContractNames.Of(typeof(T)), data => ContractNames.Read(typeof(T), data),
            (message, reaction, ct) => handle((T)message, reaction, ct)));

    /// <inheritdoc/>
    public void Scheduled<T>(string name, Func<T, Reaction, CancellationToken, Task> handle) where T : class, IScheduledMessage
    {
        _scheduledNames.Add(typeof(T), name);
        ScheduledHandlers.Add(name, new ScheduledHandler(name, data => ContractNames.Read(typeof(T), data),
            (message, reaction, ct) => handle((T)message, reaction, ct)));
    }

    /// <inheritdoc/>
    public void Answer<TQuestion, TAnswer>(Func<TQuestion, IServiceProvider, CancellationToken, Task<TAnswer>> answer)
        where TQuestion : class, IContractQuery<TAnswer> =>
        Answers.Add(ContractNames.Of(typeof(TQuestion)), new QuestionHandler(typeof(TQuestion), typeof(TAnswer),
            async (question, services, ct) => await answer((TQuestion)question, services, ct)));

    /// <inheritdoc/>
    public void Endpoints(Action<IEndpointRouteBuilder> map) => EndpointMaps.Add(map);

    /// <inheritdoc/>
    public void Audit(AuditCheck check) => Audits.Add(check);

    internal IReadOnlyList<View> ExactViewsOf(string streamType) => _exactViews.GetValueOrDefault(streamType, []);

    internal string NameOfScheduled(Type type) =>
        _scheduledNames.TryGetValue(type, out var name) ? name : throw new InvalidOperationException($"{type.Name} is not a scheduled message of {Module}.");
}

/// <summary>One reaction: a name that is its checkpoint, the contract it reads, and its handler.</summary>
public sealed record Subscription(string Name, string Contract, Func<string, object> Read, Func<object, Reaction, CancellationToken, Task> Handle);

/// <summary>The handler of one kind of scheduled message.</summary>
public sealed record ScheduledHandler(string Name, Func<string, object> Read, Func<object, Reaction, CancellationToken, Task> Handle);

/// <summary>The handler of one question.</summary>
public sealed record QuestionHandler(Type Question, Type Answer, Func<object, IServiceProvider, CancellationToken, Task<object?>> Handle);

/// <summary>The definition of one module, so that dependency injection finds it by the module's class.</summary>
public sealed record ModuleDefinition<TModule>(ModuleDefinition Definition) where TModule : IModule;
