using System.Runtime.InteropServices;

namespace Mobility.Telemetry.Live;

/// <summary>
/// Asks Linux to back a large array with pages of two megabytes. A search touches some twenty places of tens of megabytes, and with pages of four kilobytes
/// finding the pages takes longer than reading them. Only a hint: where it is not taken, nothing else changes.
/// </summary>
internal static class HugePages
{
    private const int WorthwhileBytes = 8 * 1024 * 1024;
    private const int PageBytes = 4096;
    private const int MadvHugepage = 14;

    public static void Advise(int[] pinned)
    {
        var bytes = (long)pinned.Length * sizeof(int);
        if (!OperatingSystem.IsLinux() || bytes < WorthwhileBytes)
            return;
        var address = Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);
        var aligned = (address + PageBytes - 1) & ~(nint)(PageBytes - 1);
        _ = Madvise(aligned, (nuint)((address + bytes - aligned) & ~(long)(PageBytes - 1)), MadvHugepage);
    }

    [DllImport("libc", EntryPoint = "madvise")]
    private static extern int Madvise(nint address, nuint length, int advice);
}
