using System.CommandLine;
using Mobility.Host.Packs;

namespace Mobility.Host.Commands;

/// <summary>Looks at a city pack without loading it.</summary>
internal static class PackCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = "The city pack" };
        var check = new Command("check", "Say what the pack holds, or every fault with its line.") { folder };
        check.SetAction(parsed => PackCheck.Run(Path.GetFullPath(parsed.GetRequiredValue(folder)), Console.Out) ? ExitCodes.Done : ExitCodes.Failed);
        return new Command("pack", "Work on city packs.") { check };
    }
}
