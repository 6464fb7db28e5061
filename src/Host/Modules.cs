using Mobility.Platform.Modules;

namespace Mobility.Host;

/// <summary>The literal list of modules. A module that is not here does not exist.</summary>
internal static class Modules
{
    public static IReadOnlyList<IModule> All() =>
    [
    ];
}
