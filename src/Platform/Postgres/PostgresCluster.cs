using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Mobility.Platform.Postgres;

/// <summary>The files and the server process of one private PostgreSQL: every step that <see cref="PrivatePostgres"/> strings together.</summary>
internal sealed class PostgresCluster
{
    public const string Superuser = "postgres";

    private const int SocketPort = 5432;
    private const int SocketPathLengthMax = 107; // sun_path, less its closing zero
    private const string PasswordFileName = "postgres.password";
    private const string ElsewhereFileName = "postgres.elsewhere";
    private const long DiskFreeNewBytesMin = 300L << 20; // initdb writes 40 MB, the first WAL segments the rest
    private const long DiskFreeBytesMin = 64L << 20;
    private const long LogBytesMax = 16L << 20;
    private static readonly string CommonRoot = Path.Combine("/var/lib", "mobility");
    private static readonly TimeSpan StartTimeLimit = TimeSpan.FromMinutes(10); // recovery after a crash under load reads gigabytes of WAL
    private static readonly TimeSpan StopTimeLimit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LeftoverTimeLimit = TimeSpan.FromSeconds(15);

    private readonly string _dataDirectory;
    private readonly PostgresAccount _account;

    private PostgresCluster(string dataDirectory, string directory, PostgresAccount account)
    {
        (_dataDirectory, Directory, _account) = (dataDirectory, directory, account);
    }

    /// <summary>PGDATA.</summary>
    public string Directory { get; }

    /// <summary>What a platform may have made in its folder before its database.</summary>
    private static readonly string[] OwnNames = [DataFolderLock.FileName, "postgres", "city", "bikes", "replay-state.json", "replay-report.html", "identity.key", "telemetry.key", "fleet.key"];

    private bool IsElsewhere => Directory.StartsWith(CommonRoot, StringComparison.Ordinal);

    private string ElsewhereFile => Path.Combine(_dataDirectory, ElsewhereFileName);

    private string Unfinished => Directory + ".new";

    private string PidFile => Path.Combine(Directory, "postmaster.pid");

    private string LogFile => Path.Combine(Directory, "server.log");

    /// <summary>
    /// The server's folder lies in the data folder, unless we are root and the server's account may not enter there (a clone under /root): then under
    /// /var/lib/mobility, named by a hash of the data folder's path.
    /// </summary>
    public static async Task<PostgresCluster> LocateAsync(string dataDirectory, IProgress<string>? progress, CancellationToken ct)
    {
        dataDirectory = Path.GetFullPath(dataDirectory);
        var account = PostgresAccount.Current();
        CreateFolder(dataDirectory);
        if (await account.CanEnterAsync(dataDirectory, ct))
            return new PostgresCluster(dataDirectory, Path.Combine(dataDirectory, "postgres"), account);

        var elsewhere = Path.Combine(CommonRoot, ShortHash(dataDirectory));
        progress?.Report($"PostgreSQL runs as {account.Name}, who may not enter {dataDirectory}; its files are kept in {elsewhere}");
        CreateFolder(elsewhere);
        return new PostgresCluster(dataDirectory, Path.Combine(elsewhere, "postgres"), account);
    }

    /// <summary>The version that wrote the folder; null when there is no finished folder.</summary>
    public int? MajorVersion()
    {
        var file = Path.Combine(Directory, "PG_VERSION");
        return File.Exists(file) ? int.Parse(File.ReadAllText(file).Trim(), CultureInfo.InvariantCulture) : null;
    }

    public void RequireFreeDisk()
    {
        var free = new DriveInfo(Path.GetDirectoryName(Directory)!).AvailableFreeSpace;
        var needed = MajorVersion() is null ? DiskFreeNewBytesMin : DiskFreeBytesMin;
        if (free < needed)
            throw new PlatformStartException($"The disk of {Directory} is full: {free >> 20} MB are free and {needed >> 20} MB are needed.");
    }

    /// <summary>The process id of the server that runs on this folder now; null when none does.</summary>
    public int? RunningServer()
    {
        try
        {
            var pidFile = File.ReadAllText(PidFile);
            if (!int.TryParse(pidFile.Split('\n')[0], CultureInfo.InvariantCulture, out var pid))
                return null;

            // The number may meanwhile belong to anybody. A postmaster works in its data folder, so it must see the very same pid file there.
            return File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/cwd/postmaster.pid") == pidFile ? pid : null;
        }
        catch (Exception absent) when (absent is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Stops the server of a killed host, deletes a half-finished initdb and a pid file whose number was given to another program.</summary>
    public async Task ClearLeftoversAsync(PostgresBinaries binaries, IProgress<string>? progress, CancellationToken ct)
    {
        if (System.IO.Directory.Exists(Unfinished))
            System.IO.Directory.Delete(Unfinished, recursive: true);
        await DeleteIfDisownedAsync(binaries, progress, ct);
        if (!File.Exists(PidFile))
            return;
        if (RunningServer() is not null)
        {
            progress?.Report("Stopping the PostgreSQL server that a killed platform left running");
            await StopServerAsync(binaries, ct);
            return;
        }

        // With a live stranger under that number PostgreSQL would refuse to start. With no such process it looks itself whether old backends still hold memory.
        var pid = (await File.ReadAllLinesAsync(PidFile, ct)).FirstOrDefault("");
        if (pid.Length == 0 || System.IO.Directory.Exists($"/proc/{pid}"))
            File.Delete(PidFile);
    }

    public async Task InitializeAsync(PostgresBinaries binaries, bool durable, CancellationToken ct)
    {
        await _account.CreatePrivateDirectoryAsync(Unfinished, ct);
        IReadOnlyList<string> sync = durable ? [] : ["--no-sync"];
        var result = await ChildProcess.RunAsync(
            _account.Wrap(
            [
                binaries.Program("initdb"), "--pgdata=" + Unfinished, "--username=" + Superuser, "--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8",
                "--data-checksums", "--auth-local=trust", "--auth-host=scram-sha-256", .. sync,
            ]),
            ct);
        if (result.ExitCode != 0)
            throw Failure("initdb failed", result.Output);
        if (IsElsewhere)
            await File.WriteAllTextAsync(ElsewhereFile, Directory + "\n", ct);
        await File.AppendAllTextAsync(Path.Combine(Unfinished, "postgresql.conf"), "\ninclude 'mobility.conf'\n", ct);
        System.IO.Directory.Move(Unfinished, Directory);
    }

    /// <summary>Written anew at each start, so that a new release's settings reach an old folder.</summary>
    public async Task WriteSettingsAsync(PostgresBinaries binaries, int? port, IReadOnlyDictionary<string, string> overrides, CancellationToken ct)
    {
        var settings = PostgresSettings.Defaults(binaries, port ?? SocketPort, listens: port is not null, await SocketDirectoryAsync(port, ct));
        foreach (var (name, value) in overrides)
            settings[name] = value;

        var lines = settings.Select(setting => $"{setting.Key} = '{setting.Value.Replace("'", "''", StringComparison.Ordinal)}'");
        await File.WriteAllLinesAsync(Path.Combine(Directory, "mobility.conf"), lines.Prepend("# Written by the platform at each start."), ct);
    }

    public async Task StartServerAsync(PostgresBinaries binaries, int? port, CancellationToken ct)
    {
        if (File.Exists(LogFile) && new FileInfo(LogFile).Length > LogBytesMax)
            File.Move(LogFile, LogFile + ".1", overwrite: true);

        // Backends of a postmaster that was killed hold its memory until they notice: the server is asked again until they have.
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            var logBegin = File.Exists(LogFile) ? new FileInfo(LogFile).Length : 0;
            var result = await RunControlAsync(binaries, ["start", "--log=" + LogFile], StartTimeLimit, ct);
            if (result.ExitCode == 0)
                return;
            var said = ReadLog(logBegin);
            var retry = said.Contains("is still in use", StringComparison.Ordinal) && Stopwatch.GetElapsedTime(began) < LeftoverTimeLimit;
            if (!retry)
                throw Failure(port is { } number ? $"PostgreSQL did not start on port {number}" : "PostgreSQL did not start", said + result.Output);
            await Task.Delay(200, ct);
        }
    }

    public async Task StopServerAsync(PostgresBinaries binaries, CancellationToken ct)
    {
        foreach (var mode in (string[])["--mode=fast", "--mode=immediate"])
        {
            if (RunningServer() is null)
                return;
            await RunControlAsync(binaries, ["stop", mode], StopTimeLimit, ct);
        }

        if (RunningServer() is { } pid)
            throw new PlatformStartException($"The PostgreSQL server of {_dataDirectory} (process {pid}) does not stop; stop it by hand.");
    }

    /// <summary>
    /// A data folder that was used once holds the password file. Without it, anything else in the folder is somebody's own: no database is made beside it, since
    /// <c>--fresh</c> would delete it one day.
    /// </summary>
    public void RequireOwnFolder()
    {
        var strangers = System.IO.Directory.EnumerateFileSystemEntries(_dataDirectory).Any(path => !OwnNames.Contains(Path.GetFileName(path)));
        if (strangers && !File.Exists(Path.Combine(_dataDirectory, PasswordFileName)))
            throw new PlatformStartException($"The folder {_dataDirectory} holds files that no platform put there; choose an empty one with --data.");
    }

    /// <summary>Deletes everything in the data folder but its lock, and the server's folder where that lies elsewhere.</summary>
    public void Delete()
    {
        if (IsElsewhere && System.IO.Directory.Exists(Path.GetDirectoryName(Directory)))
            System.IO.Directory.Delete(Path.GetDirectoryName(Directory)!, recursive: true);
        foreach (var folder in System.IO.Directory.GetDirectories(_dataDirectory))
            System.IO.Directory.Delete(folder, recursive: true);
        foreach (var file in System.IO.Directory.GetFiles(_dataDirectory).Where(path => Path.GetFileName(path) != DataFolderLock.FileName))
            File.Delete(file);
    }

    public async Task<string> ConnectionStringAsync(int? port, CancellationToken ct)
    {
        // Lines of postmaster.pid: process, folder, start time, port, socket folder.
        var running = File.Exists(PidFile) ? await File.ReadAllLinesAsync(PidFile, ct) : [];
        var socket = running.Length > 4 ? running[4] : await SocketDirectoryAsync(port, ct);
        return new NpgsqlConnectionStringBuilder
        {
            Host = socket,
            Port = running.Length > 3 ? int.Parse(running[3], CultureInfo.InvariantCulture) : port ?? SocketPort,
            Username = Superuser,
            Password = await PasswordAsync(ct),
            Database = "postgres",
        }.ConnectionString;
    }

    /// <summary>The superuser's password, for connections by port; only our own account may read the file.</summary>
    public async Task<string> PasswordAsync(CancellationToken ct)
    {
        var path = Path.Combine(_dataDirectory, PasswordFileName);
        if (File.Exists(path) && (await File.ReadAllTextAsync(path, ct)).Trim() is { Length: > 0 } known)
            return known;
        var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var file = new StreamWriter(path, options);
        await file.WriteLineAsync(password.AsMemory(), ct);
        return password;
    }

    /// <summary>The server's own folder, which is private anyway; a short one under the temporary folder where that path is too long for a socket.</summary>
    private async Task<string> SocketDirectoryAsync(int? port, CancellationToken ct)
    {
        if (SocketPath(Directory, port).Length <= SocketPathLengthMax)
            return Directory;
        var shorter = Path.Combine("/tmp", "mobility-" + ShortHash(Directory));
        await _account.CreatePrivateDirectoryAsync(shorter, ct);
        return shorter;
    }

    /// <summary>Files elsewhere that the data folder does not point at belong to a folder of the same name that somebody has deleted since.</summary>
    private async Task DeleteIfDisownedAsync(PostgresBinaries binaries, IProgress<string>? progress, CancellationToken ct)
    {
        if (!IsElsewhere || File.Exists(ElsewhereFile) || !System.IO.Directory.Exists(Directory))
            return;
        progress?.Report($"Deleting {Directory}: the data folder it belonged to was deleted");
        await StopServerAsync(binaries, ct);
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private static string SocketPath(string directory, int? port) => string.Create(CultureInfo.InvariantCulture, $"{directory}/.s.PGSQL.{port ?? SocketPort}");

    private Task<ChildResult> RunControlAsync(PostgresBinaries binaries, IReadOnlyList<string> arguments, TimeSpan limit, CancellationToken ct)
    {
        var seconds = ((int)limit.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return ChildProcess.RunAsync(
            _account.Wrap([binaries.Program("pg_ctl"), .. arguments, "--pgdata=" + Directory, "--wait", "--timeout=" + seconds, "--silent"]), ct);
    }

    private string ReadLog(long begin)
    {
        if (!File.Exists(LogFile))
            return "";
        using var log = new FileStream(LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        log.Position = Math.Min(begin, log.Length);
        using var reader = new StreamReader(log, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private PlatformStartException Failure(string what, string said)
    {
        if (said.Contains("No space left on device", StringComparison.Ordinal))
            return new PlatformStartException($"The disk of {Directory} is full: {what}.");
        if (said.Contains("Address already in use", StringComparison.Ordinal))
            return new PlatformStartException($"{what}: another program uses it.");
        var lines = said.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var reason = lines.LastOrDefault(line => line.Contains("FATAL", StringComparison.Ordinal) || line.Contains("error:", StringComparison.Ordinal))
            ?? lines.LastOrDefault("no reason given");
        return new PlatformStartException($"{what}: {reason} (more in {LogFile}).");
    }

    private static void CreateFolder(string path)
    {
        try
        {
            System.IO.Directory.CreateDirectory(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new PlatformStartException($"The folder {path} cannot be created: {cause.Message}", cause);
        }
    }

    private static string ShortHash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
}
