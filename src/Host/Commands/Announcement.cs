using Mobility.Contracts;
using Npgsql;
using Spectre.Console;

namespace Mobility.Host.Commands;

/// <summary>What a newcomer reads when the platform is up: where it is, who may sign in, what to try.</summary>
internal static class Announcement
{
    private const int AccountsShownMax = 8;

    public static void Write(MobilityApp app, PlatformDatabase database, string dataDirectory, CityPack? pack)
    {
        var address = app.Address;
        var lines = new List<string>
        {
            $"City      {(pack is null ? "none" : $"{pack.City.Name} ({pack.City.Id}), {pack.Fleet.Length} vehicles")}",
            $"API       {address}/v1, described at {address}/openapi/MODULE.json",
            $"Modules   {string.Join(", ", app.Modules.Select(module => module.Module))}",
            $"Health    {address}/health/ready   {address}/metrics",
            $"Database  {Describe(database, dataDirectory)}",
        };
        if (app.Web.Configuration.GetValue<bool>("Notifications:Mailbox"))
            lines.Insert(2, $"Mailbox   {address}/dev/mailbox (the codes and receipts that riders get)");
        AddAccounts(lines, address, pack);
        if (pack is not null)
            lines.AddRange(["", "Try", $"  curl '{address}/v1/cities/{pack.City.Id}'"]);
        lines.AddRange(["", "Ctrl-C stops everything; the data is kept."]);
        Show(lines);
    }

    private static void AddAccounts(List<string> lines, string address, CityPack? pack)
    {
        var accounts = (pack?.Staff ?? []).Where(account => account.DemoPassword is not null).Take(AccountsShownMax).ToList();
        if (accounts.Count == 0)
            return;
        lines.AddRange(["", "Demo sign-ins"]);
        foreach (var account in accounts)
            lines.Add($"  {account.Email,-30} {account.DemoPassword,-26} {account.Role}");
        lines.Add($"  curl {address}/oauth2/token -d grant_type=password -d username={accounts[0].Email} -d password={accounts[0].DemoPassword}");
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
