using Mobility.Contracts;
using Mobility.Telemetry.Mqtt;
using Npgsql;
using Spectre.Console;

namespace Mobility.Host.Commands;

/// <summary>What a newcomer reads when the platform is up: where it is, who may sign in, what to try.</summary>
internal static class Announcement
{
    private const int AccountsShownMax = 8;

    public static void Write(MobilityApp app, PlatformDatabase database, string dataDirectory, CityPack? pack, int riders)
    {
        var address = app.Address;
        var lines = new List<string>
        {
            $"City      {(pack is null ? "none" : $"{pack.City.Name} ({pack.City.Id}), {pack.Fleet.Length} vehicles")}",
            $"Map       {address}/",
            $"API       {address}/v1",
            $"          {address}/openapi/MODULE.json",
            $"Modules   {string.Join(", ", app.Modules.Select(module => module.Module))}",
            $"Health    {address}/health/ready",
            $"Metrics   {address}/metrics",
            $"Database  {Describe(database, dataDirectory)}",
        };
        if (riders > 0)
            lines.Insert(1, $"Life      {riders} people and a crew of two begin to use them now (--riders 0 for an empty city)");
        if (app.Web.Services.GetService<MqttDoor>() is { Port: { } mqtt })
            lines.Insert(lines.FindIndex(line => line.StartsWith("Modules", StringComparison.Ordinal)), $"MQTT      port {mqtt} for vehicles (docs/api/mqtt.md)");
        if (app.Web.Configuration.GetValue<bool>("Notifications:Mailbox"))
            lines.Insert(lines.FindIndex(line => line.StartsWith("Modules", StringComparison.Ordinal)), $"Mailbox   {address}/dev/mailbox (what riders receive)");
        var accounts = (pack?.Staff ?? []).Where(account => account.DemoPassword is not null).Take(AccountsShownMax).ToList();
        if (accounts.Count > 0)
            lines.AddRange(["", "Demo sign-ins", .. accounts.Select(account => $"  {account.Email,-28} {account.DemoPassword,-25} {account.Role}")]);
        Show(lines);

        // Outside the frame, so that they can be copied.
        if (pack is not null)
            Console.WriteLine($"Try: curl {address}/v1/cities/{pack.City.Id}");
        if (accounts is [var first, ..])
            Console.WriteLine($"     curl {address}/oauth2/token -d grant_type=password -d username={first.Email} -d password={first.DemoPassword}");
        if (database.Binaries?.FindTool("psql") is { } psql)
            Console.WriteLine($"     {psql} -h {new NpgsqlConnectionStringBuilder(database.ConnectionString).Host} -U postgres");
        Console.WriteLine("Ctrl-C stops everything; the data is kept.");
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

        AnsiConsole.Write(new Panel(new Text(string.Join('\n', lines))) { Header = new PanelHeader($" {title} "), Padding = new Padding(1, 0) });
    }

    private static string Describe(PlatformDatabase database, string dataDirectory)
    {
        var target = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        return database.IsExternal ? $"{target.Database} at {target.Host}:{target.Port}" : $"private, in {dataDirectory}";
    }
}
