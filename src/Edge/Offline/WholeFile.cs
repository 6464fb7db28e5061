namespace Mobility.Edge.Offline;

/// <summary>Small files that must never be half written: they change by renaming, and are on the disk when this returns.</summary>
internal static class WholeFile
{
    /// <exception cref="IOException">The disk refuses; the old content stays.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        var next = path + ".next";
        using (var file = new FileStream(next, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        File.Move(next, path, overwrite: true);
    }
}
