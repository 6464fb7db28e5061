using System.Text.Json;

namespace Mobility.Edge.Offline;

/// <summary>What the platform wants of the vehicle until it says otherwise.</summary>
/// <param name="SpeedLimitKph">Go no faster, wherever it is; null is as fast as it may.</param>
/// <param name="IsDisabled">Open for nobody and drive no more.</param>
internal sealed record Orders(int? SpeedLimitKph, bool IsDisabled)
{
    public static readonly Orders None = new(null, false);
}

/// <summary>Orders outlive the process and the machine's power: a file that is on the disk before the command is answered.</summary>
internal sealed class StandingOrders
{
    private readonly string _file;

    private StandingOrders(string file, Orders now) => (_file, Now) = (file, now);

    public Orders Now { get; private set; }

    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="JsonException">The file is none of ours: starting anyway would forget an order.</exception>
    public static StandingOrders Open(string folder)
    {
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, "orders.json");
        return new StandingOrders(file, File.Exists(file) ? JsonSerializer.Deserialize<Orders>(File.ReadAllBytes(file))! : Orders.None);
    }

    /// <summary>False when the disk refuses; then nothing changed.</summary>
    public bool TrySet(Orders orders)
    {
        try
        {
            WholeFile.Write(_file, JsonSerializer.SerializeToUtf8Bytes(orders));
            Now = orders;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
