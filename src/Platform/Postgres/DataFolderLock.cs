namespace Mobility.Platform.Postgres;

/// <summary>
/// Makes one process the only owner of a data folder: an exclusive lock on <c>host.lock</c> that the operating system releases when the process ends,
/// however it ends.
/// </summary>
public sealed class DataFolderLock : IDisposable
{
    /// <summary>The file that carries the lock; where it exists, a platform has run.</summary>
    public const string FileName = "host.lock";

    private const int FileLocked = 11; // EWOULDBLOCK, which .NET passes on when flock refuses

    private readonly FileStream _file;

    private DataFolderLock(FileStream file) => _file = file;

    /// <summary>Creates the folder when missing and locks it.</summary>
    /// <exception cref="PlatformStartException">Another process holds it, or the folder cannot be written.</exception>
    public static DataFolderLock Take(string dataDirectory) =>
        TryTake(dataDirectory)
        ?? throw new PlatformStartException($"The data folder {dataDirectory} is in use by another running platform; stop that one or choose another --data folder.");

    /// <summary>The same, but null when another process holds the folder.</summary>
    public static DataFolderLock? TryTake(string dataDirectory)
    {
        try
        {
            Directory.CreateDirectory(dataDirectory);
            var path = Path.Combine(dataDirectory, FileName);
            return new DataFolderLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (UnauthorizedAccessException cause)
        {
            throw new PlatformStartException($"The data folder {dataDirectory} cannot be written by {Environment.UserName}.", cause);
        }
        catch (IOException cause) when (cause.HResult == FileLocked)
        {
            return null;
        }
        catch (IOException cause)
        {
            throw new PlatformStartException($"The data folder {dataDirectory} cannot be used: {cause.Message}", cause);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
