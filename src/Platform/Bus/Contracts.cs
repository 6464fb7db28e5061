using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;

namespace Mobility.Platform;

/// <summary>An event that modules publish to each other; data only, additive within a version, named by <see cref="ContractNameAttribute"/>.</summary>
public interface IContractEvent;

/// <summary>A question that one module asks another while a rider waits.</summary>
/// <typeparam name="TAnswer">The answer's type; must have a JSON form.</typeparam>
public interface IContractQuery<TAnswer>;

/// <summary>A message of a module to itself at a later time.</summary>
public interface IScheduledMessage;

/// <summary>The stable name of a contract, for example <c>booking.ride_ended.v1</c>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ContractNameAttribute(string name) : Attribute
{
    /// <summary>Module, name and version, separated by dots.</summary>
    public string Name { get; } = name;
}

/// <summary>Between contract types and their names.</summary>
public static class ContractNames
{
    private static readonly ConcurrentDictionary<Type, string> Names = new();

    /// <summary>The stable name of a contract type.</summary>
    /// <exception cref="InvalidOperationException">The type has no <see cref="ContractNameAttribute"/>.</exception>
    public static string Of(Type type) => Names.GetOrAdd(type, static t =>
        t.GetCustomAttribute<ContractNameAttribute>()?.Name ?? throw new InvalidOperationException($"{t.Name} has no [ContractName]."));

    /// <summary>Reads stored contract data.</summary>
    public static object Read(Type type, string data) => JsonSerializer.Deserialize(data, type, MobilityJson.Stored)!;
}

/// <summary>Asks other modules, wherever they run: in this process or in another.</summary>
public interface IAsk
{
    /// <summary>The answer of the module that owns the question.</summary>
    /// <exception cref="PeerUnavailableException">The module runs elsewhere and does not answer.</exception>
    Task<TAnswer> AskAsync<TAnswer>(IContractQuery<TAnswer> question, CancellationToken ct);
}

/// <summary>A module in another process does not answer; at the HTTP door it becomes 503 <c>platform.peer_unavailable</c>.</summary>
public sealed class PeerUnavailableException(string module, Exception? cause) : Exception($"The module {module} does not answer.", cause)
{
    /// <summary>The module that was asked.</summary>
    public string Module { get; } = module;
}
