using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mobility.Contracts;
using Mobility.Edge.Board;
using Mobility.Edge.Provisioning;
using Mobility.Edge.Safety;
using Mobility.Edge.Unlock;
using Mobility.Edge.Wire;
using Mobility.Geo;

namespace Mobility.Edge;

/// <summary>What the command line of mobility-edge asks for.</summary>
/// <param name="Agent">The agent, once it is known what the device is; null where the options say it.</param>
/// <param name="Order">How the device finds out what it is; null where the options say it.</param>
/// <param name="Start">What the simulated board says first.</param>
/// <param name="Radio">Where the simulated radio listens; null has none.</param>
internal sealed record EdgeRequest(Func<DeviceIdentity?, AgentSettings> Agent, EnrollmentOrder? Order, BoardReading Start, string? Radio);

/// <summary>The options of mobility-edge. Everything that can be wrong with them is said before anything starts.</summary>
internal sealed class EdgeOptions
{
    private readonly Option<string?> _provision = new("--provision") { HelpName = "URL", Description = "The platform, which tells a device that it expects what it is" };
    private readonly Option<string?> _serial = new("--serial") { HelpName = "SERIAL", Description = "Printed on the board, with --provision" };
    private readonly Option<string?> _enrollmentSecret = new("--enrollment-secret") { HelpName = "SECRET", Description = "Of a device that was registered with one" };
    private readonly Option<string?> _vehicle = new("--vehicle") { HelpName = "ID", Description = "The vehicle, veh_…, without --provision" };
    private readonly Option<string?> _secret = new("--secret") { HelpName = "SECRET", Description = "Its secret, for the plain door" };
    private readonly Option<string?> _certificate = new("--certificate") { HelpName = "FILE", Description = "Its certificate with key (PEM), for the TLS door" };
    private readonly Option<string?> _authority = new("--authority") { HelpName = "FILE", Description = "The device authority's certificate (PEM), with --certificate" };
    private readonly Option<string?> _broker = new("--broker") { HelpName = "HOST:PORT", Description = "The platform's MQTT door" };
    private readonly Option<string> _data = new("--data") { HelpName = "DIR", Description = "The agent's own folder", Required = true };
    private readonly Option<string?> _keys = new("--keys") { HelpName = "FILE", Description = "Keys of unlock tokens (JSON Web Key Set)" };
    private readonly Option<string?> _keysFrom = new("--keys-from") { HelpName = "URL", Description = "Where they are fetched from, …/v1/unlock-keys" };
    private readonly Option<string?> _updateKeys = new("--update-keys") { HelpName = "FILE", Description = "Keys of updates (JSON Web Key Set)" };
    private readonly Option<string?> _updateKeysFrom = new("--update-keys-from") { HelpName = "URL", Description = "Where they are fetched from, …/v1/update-keys" };
    private readonly Option<string?> _zones = new("--zones") { HelpName = "FILE", Description = "The city's zones (zones.geojson of a pack)" };
    private readonly Option<string?> _radio = new("--radio") { HelpName = "SOCKET", Description = "A local socket that stands for the NFC and BLE radio" };
    private readonly Option<string> _type = new("--type") { HelpName = "TYPE", Description = "Vehicle type in the zones' rules", DefaultValueFactory = _ => "" };
    private readonly Option<int> _limit = new("--limit") { HelpName = "KPH", Description = "Its own speed limit", DefaultValueFactory = _ => 20 };
    private readonly Option<string?> _position = new("--position")
    {
        HelpName = "LAT,LON",
        Description = "Where the simulated board stands",
        DefaultValueFactory = _ => "48.2,11.5",
    };
    private readonly Option<int> _charge = new("--charge") { HelpName = "PERCENT", Description = "Charge of the simulated board", DefaultValueFactory = _ => 90 };
    private readonly Option<bool> _metered = new("--metered") { Description = "Every byte costs: a position every 30 seconds" };

    public RootCommand Command(Func<EdgeRequest, CancellationToken, Task<int>> run)
    {
        var root = new RootCommand("The agent of one vehicle, on a simulated board.")
        {
            _provision, _serial, _enrollmentSecret, _vehicle, _secret, _certificate, _authority, _broker, _data, _keys, _keysFrom, _updateKeys, _updateKeysFrom, _zones, _radio, _type, _limit, _position, _charge,
            _metered,
        };
        root.SetAction((parsed, ct) => run(Read(parsed), ct));
        return root;
    }

    /// <exception cref="FormatException">An option is wrong; the message is for who typed it.</exception>
    private EdgeRequest Read(ParseResult parsed)
    {
        var order = Order(parsed);
        VehicleId vehicle = default;
        if (order is null && !VehicleId.TryParse(parsed.GetValue(_vehicle), null, out vehicle))
            throw new FormatException("--vehicle is the vehicle's id, veh_ and 26 characters; or --provision finds it out.");
        var door = order is null ? Door(parsed) : null;
        if (!double.TryParse(Part(parsed, _position, ',', 0), CultureInfo.InvariantCulture, out var latitude)
            || !double.TryParse(Part(parsed, _position, ',', 1), CultureInfo.InvariantCulture, out var longitude)
            || !GeoPoint.TryCreate(latitude, longitude, out var position))
            throw new FormatException("--position is LAT,LON in degrees.");
        if (parsed.GetValue(_limit) is < 1 or > 130)
            throw new FormatException("--limit is a number from 1 to 130.");
        if (parsed.GetValue(_charge) is < 0 or > 100)
            throw new FormatException("--charge is a number from 0 to 100.");
        var settings = new AgentSettings
        {
            Vehicle = vehicle,
            Door = door ?? new DoorAddress("", 0), // the platform tells it
            DataFolder = DataFolder(parsed),
            UnlockKeys = FromFile(parsed, _keys, file => SigningKeys.Parse(File.ReadAllText(file))),
            UnlockKeysUrl = Url(parsed, _keysFrom),
            UpdateKeysUrl = Url(parsed, _updateKeysFrom),
            UpdateKeys = FromFile(parsed, _updateKeys, file => SigningKeys.Parse(File.ReadAllText(file))),
            Zones = FromFile(parsed, _zones, file => ZoneFile.Parse(File.ReadAllBytes(file))),
            VehicleTypeId = parsed.GetRequiredValue(_type),
            SpeedLimitKph = parsed.GetValue(_limit),
            IsMetered = parsed.GetValue(_metered),
        };
        return new EdgeRequest(
            identity => identity is null ? settings : Provisioned(settings, identity, order!),
            order,
            new BoardReading { Position = position, StateOfChargePercent = parsed.GetValue(_charge), IsLocked = true },
            parsed.GetValue(_radio));
    }

    private EnrollmentOrder? Order(ParseResult parsed)
    {
        if (Url(parsed, _provision) is not { } platform)
            return null;
        if (parsed.GetValue(_vehicle) is not null || parsed.GetValue(_broker) is not null || parsed.GetValue(_secret) is not null || parsed.GetValue(_certificate) is not null)
            throw new FormatException("--provision finds out vehicle, broker and proof; leave --vehicle, --broker, --secret and --certificate out.");
        return parsed.GetValue(_serial) is { Length: > 0 } serial
            ? new EnrollmentOrder(platform, serial, parsed.GetValue(_enrollmentSecret), DataFolder(parsed))
            : throw new FormatException("--provision needs --serial.");
    }

    private static AgentSettings Provisioned(AgentSettings settings, DeviceIdentity identity, EnrollmentOrder order)
    {
        using var key = new IdentityFolder(order.DataFolder).OpenKey();
        return settings with
        {
            Vehicle = identity.Vehicle,
            Door = identity.Door(key),
            UnlockKeysUrl = settings.UnlockKeysUrl ?? identity.UnlockKeys,
            UpdateKeysUrl = settings.UpdateKeysUrl ?? identity.UpdateKeys,
            Renewal = new CertificateRenewal(order.Serial, order.DataFolder),
        };
    }

    private static Uri? Url(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is not { } text ? null
        : Uri.TryCreate(text, UriKind.Absolute, out var url) && KeyFetch.MayBelieve(url) ? url
        : throw new FormatException($"{option.Name} is an https address, or one of this machine.");

    private string DataFolder(ParseResult parsed) => Path.GetFullPath(parsed.GetRequiredValue(_data));

    private DoorAddress Door(ParseResult parsed)
    {
        var (secret, certificate, authority) = (parsed.GetValue(_secret), parsed.GetValue(_certificate), parsed.GetValue(_authority));
        if (secret is null == certificate is null)
            throw new FormatException("One of --secret and --certificate is needed.");
        if (certificate is null != authority is null)
            throw new FormatException("--certificate and --authority belong together.");
        var (host, portText) = (Part(parsed, _broker, ':', 0), Part(parsed, _broker, ':', 1));
        if (host.Length == 0 || !int.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65_535)
            throw new FormatException("--broker is HOST:PORT.");
        return new DoorAddress(host, port)
        {
            Secret = secret,
            Certificate = FromFile(parsed, _certificate, file => X509Certificate2.CreateFromPemFile(file)),
            Authority = FromFile(parsed, _authority, X509CertificateLoader.LoadCertificateFromFile),
        };
    }

    /// <summary>The text before (0) or behind (1) the last separator.</summary>
    private static string Part(ParseResult parsed, Option<string?> option, char separator, int which)
    {
        var text = parsed.GetValue(option) ?? "";
        var at = text.LastIndexOf(separator);
        return at < 0 ? "" : which == 0 ? text[..at] : text[(at + 1)..];
    }

    private static T? FromFile<T>(ParseResult parsed, Option<string?> option, Func<string, T> read) where T : class
    {
        if (parsed.GetValue(option) is not { } file)
            return null;
        try
        {
            return read(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or CryptographicException)
        {
            throw new FormatException($"{option.Name} {file}: {e.Message}", e);
        }
    }
}
