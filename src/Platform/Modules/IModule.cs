using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Platform.Events;

namespace Mobility.Platform.Modules;

/// <summary>A bounded context: the only public type of its project.</summary>
public interface IModule
{
    /// <summary>Lower case; also its schema, its role suffix and its <c>--target</c> name.</summary>
    string Name { get; }

    /// <summary>Modules it asks synchronously (<see cref="IAsk"/>); each must run in this process or have a peer address.</summary>
    IReadOnlyList<string> Needs { get; }

    /// <summary>Declares everything the module has.</summary>
    void Configure(IModuleBuilder module);
}

/// <summary>Where a module declares what it has. Nothing is found by scanning.</summary>
public interface IModuleBuilder
{
    /// <summary>Dependency injection; register module services as internal types.</summary>
    IServiceCollection Services { get; }

    /// <summary>Configuration of the process; a module's own section is named like the module.</summary>
    IConfiguration Configuration { get; }

    /// <summary>A kind of stream that the module owns.</summary>
    void Stream(IStreamType type);

    /// <summary>A derived table.</summary>
    void View(View view);

    /// <summary>A reaction to another module's contract event. Delivered at least once, in order per key; acts once, since its work and its checkpoint commit together.</summary>
    void Subscribe<T>(string name, Func<T, Reaction, CancellationToken, Task> handle) where T : class, IContractEvent;

    /// <summary>A message of the module to itself: a timeout, or a call to the outside world that must survive a crash.</summary>
    void Scheduled<T>(string name, Func<T, Reaction, CancellationToken, Task> handle) where T : class, IScheduledMessage;

    /// <summary>Answers a question of another module.</summary>
    void Answer<TQuestion, TAnswer>(Func<TQuestion, IServiceProvider, CancellationToken, Task<TAnswer>> answer) where TQuestion : class, IContractQuery<TAnswer>;

    /// <summary>HTTP endpoints. Every endpoint says who may call it: RequirePermission, RequireSignedIn or OpenToAll.</summary>
    void Endpoints(Action<IEndpointRouteBuilder> map);

    /// <summary>A law that <c>./mobility audit</c> checks.</summary>
    void Audit(AuditCheck check);
}

/// <summary>A law as a query: each row it returns is a violation.</summary>
/// <param name="Name">Lower snake case.</param>
/// <param name="Law">The law in one sentence.</param>
/// <param name="Sql">Returns one text column, the offending id and why; has a limit of <see cref="ViolationsMax"/>. Parameter @now is the instant of the audit.</param>
public sealed record AuditCheck(string Name, string Law, string Sql)
{
    /// <summary>Offending ids listed per law at most.</summary>
    public const int ViolationsMax = 100;

    /// <summary>For laws that SQL cannot say: returns the violations. Used instead of <see cref="Sql"/>.</summary>
    public Func<ModuleDatabase, DateTimeOffset, CancellationToken, Task<IReadOnlyList<string>>>? Run { get; init; }
}

/// <summary>What a reaction has at hand. Its <see cref="Work"/> is committed by the platform together with the message's checkpoint.</summary>
/// <param name="Work">Collects what the reaction writes.</param>
/// <param name="Services">The process's services.</param>
/// <param name="Message">The envelope.</param>
public sealed record Reaction(Work Work, IServiceProvider Services, Envelope Message)
{
    /// <summary>The instant of this work.</summary>
    public DateTimeOffset Now => Work.Now;
}

/// <summary>A message on its way.</summary>
/// <param name="Id">The same in every delivery.</param>
/// <param name="Type">The contract's name.</param>
/// <param name="Key">Order is kept within a key.</param>
/// <param name="Source">The module that published it.</param>
/// <param name="At">When it was published.</param>
/// <param name="Attempt">1 for the first delivery.</param>
public sealed record Envelope(Guid Id, string Type, Guid Key, string Source, DateTimeOffset At, int Attempt);
