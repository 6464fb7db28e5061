using System.Collections.Concurrent;
using System.Globalization;
using Mobility.Twin.Client;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>
/// The accounts with which people ride. There are as many as ride at the same time, used in turn, because passwords are slow to hash on purpose; who has an account
/// from an earlier run comes back with it.
/// </summary>
/// <param name="client">The platform.</param>
/// <param name="platform">Its clock.</param>
/// <param name="faults">What is wrong with their cards.</param>
/// <param name="folder">Where the number of accounts is kept, for a run that goes on with the same data.</param>
internal sealed class RiderPool(PlatformClient client, PlatformHandle platform, FaultPlan faults, string folder)
{
    private readonly ConcurrentQueue<Rider> _free = new();
    private readonly string _file = Path.Combine(folder, "accounts");
    private readonly int _known = int.TryParse(Read(Path.Combine(folder, "accounts")), CultureInfo.InvariantCulture, out var known) ? known : 0;
    private int _count;

    /// <summary>Accounts so far.</summary>
    public int Count => _count;

    /// <summary>Somebody who is free; a new account when all ride.</summary>
    public async Task<Rider> TakeAsync(CancellationToken ct)
    {
        if (_free.TryDequeue(out var rider))
            return rider;
        var number = Interlocked.Increment(ref _count);
        var domain = $"{platform.City.City.Id}.example";
        if (number <= _known && await Rider.ComeBackAsync(client, platform.Clock, number, domain, ct) is { } back)
            return back;
        rider = await Rider.RegisterAsync(client, platform.Clock, number, faults.CardOf(number), ct, domain);
        File.WriteAllText(_file + ".next", Math.Max(number, _known).ToString(CultureInfo.InvariantCulture));
        File.Move(_file + ".next", _file, overwrite: true);
        return rider;
    }

    /// <summary>They are free again.</summary>
    public void Return(Rider rider) => _free.Enqueue(rider);

    private static string Read(string file) => File.Exists(file) ? File.ReadAllText(file) : "";
}
