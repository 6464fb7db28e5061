namespace Mobility.Platform.Postgres;

/// <summary>
/// The operating-system account that PostgreSQL runs under. PostgreSQL refuses root, so root lends it the account <c>postgres</c>, or <c>nobody</c>
/// where that does not exist; everybody else runs it as themselves.
/// </summary>
internal sealed record PostgresAccount(string Name, string UserId, string GroupId, bool IsOther)
{
    private static readonly string[] Candidates = ["postgres", "nobody"];

    public static PostgresAccount Current()
    {
        if (!Environment.IsPrivilegedProcess)
            return new PostgresAccount(Environment.UserName, "", "", IsOther: false);

        var known = File.ReadLines("/etc/passwd").Select(line => line.Split(':')).Where(fields => fields.Length >= 4).ToList();
        foreach (var name in Candidates)
        {
            if (known.FirstOrDefault(fields => fields[0] == name) is { } fields)
                return new PostgresAccount(name, fields[2], fields[3], IsOther: true);
        }

        throw new PlatformStartException("PostgreSQL refuses to run as root and this machine has neither an account postgres nor nobody; run as another user.");
    }

    /// <summary>The command line that runs <paramref name="command"/> under this account.</summary>
    public IReadOnlyList<string> Wrap(params IReadOnlyList<string> command) => !IsOther
        ? command
        : File.Exists("/usr/bin/setpriv")
            ? ["/usr/bin/setpriv", $"--reuid={UserId}", $"--regid={GroupId}", "--clear-groups", "--", .. command]
            : ["runuser", "-u", Name, "--", .. command];

    /// <summary>Whether the account may enter the folder (every folder above it included).</summary>
    public async Task<bool> CanEnterAsync(string directory, CancellationToken ct) =>
        !IsOther || (await ChildProcess.RunAsync(Wrap("test", "-x", directory), ct)).ExitCode == 0;

    /// <summary>Makes a folder that belongs to the account and that nobody else may enter; an existing one must already be so.</summary>
    public async Task CreatePrivateDirectoryAsync(string directory, CancellationToken ct)
    {
        const UnixFileMode ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        if (OperatingSystem.IsWindows())
            throw new PlatformStartException("A private PostgreSQL needs Linux; configure an external database.");
        if (!Directory.Exists(directory))
        {
            Directory.CreateDirectory(directory, ownerOnly);
            if (IsOther)
                await RunOrExplainAsync(["chown", $"{UserId}:{GroupId}", directory], ct);
        }

        var owner = (await ChildProcess.RunAsync(["stat", "-c", "%U %a", directory], ct)).Output.Trim();
        if (owner != $"{Name} 700")
            throw new PlatformStartException($"The folder {directory} must belong to {Name} with mode 700 but is \"{owner}\"; remove it and start again.");
    }

    private static async Task RunOrExplainAsync(IReadOnlyList<string> command, CancellationToken ct)
    {
        var result = await ChildProcess.RunAsync(command, ct);
        if (result.ExitCode != 0)
            throw new PlatformStartException($"\"{string.Join(' ', command)}\" failed: {result.Output.Trim()}");
    }
}
