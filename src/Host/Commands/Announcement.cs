using Mobility.Contracts;
using Npgsql;
using Spectre.Console;

namespace Mobility.Host.Commands;

/// <summary>What a newcomer reads when the platform is up: where it is, who may sign in, what to try.</summary>
internal static class Announcement
{
    private const int AccountsShownMax = 8;

    public static void Write(string address, PlatformDatabase database, string dataDirectory, CityPack? pack)
    {
        var lines = new List<string>
        {
            $"City           {pack?.City.Name ?? "none"}{(pack is null ? "" : $", {pack.Fleet.Length} vehicles")}",
            $"API            {address}/v1   ({address}/openapi/v1.json)",
            $"Mailbox        {address}/dev/mailbox   (codes that riders receive)",
            $"Health         {address}/health/ready   {address}/modules   {address}/metrics",
            $"Database       {Describe(database, dataDirectory)}",
            "",
            "Staff who may sign in:",
        };
        foreach (var account in (pack?.Staff ?? []).Where(account => account.DemoPassword is not null).Take(AccountsShownMax))
            lines.Add($"  {account.Email,-32} {account.DemoPassword,-20} {account.Role}");
        lines.AddRange(["", "Ctrl-C stops everything; the data is kept."]);
        Show(lines);
    }

    private static void Show(List<string> lines)
    {
        const string title = "Mobility is running";
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine(title);
            lines.ForEach(Console.WriteLine);
            return;
        }

        var panel = new Panel(new Text(string.Join('\n', lines))) { Header = new PanelHeader($" {title} "), Padding = new Padding(1, 0) };
        AnsiConsole.Write(panel);
    }

    private static string Describe(PlatformDatabase database, string dataDirectory)
    {
        var target = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        return database.IsExternal ? $"{target.Database} at {target.Host}:{target.Port}" : $"private, in {dataDirectory}   (psql -h {target.Host} -U {target.Username})";
    }
}
