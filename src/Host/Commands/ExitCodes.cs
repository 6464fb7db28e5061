namespace Mobility.Host.Commands;

/// <summary>What the shell is told.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Interrupted = 130; // 128 + SIGINT, as shells count
}
