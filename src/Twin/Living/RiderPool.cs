using System.Collections.Concurrent;
using Mobility.Twin.Client;
using Mobility.Twin.Replaying;

namespace Mobility.Twin.Living;

/// <summary>
/// The accounts with which people ride. There are as many as ride at the same time, used in turn, because passwords are slow to hash on purpose; who has an account
/// from an earlier run comes back with it.
/// </summary>
internal sealed class RiderPool(PlatformClient client, PlatformHandle platform, FaultPlan faults)
{
    private readonly ConcurrentQueue<Rider> _free = new();
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
        return (platform.IsInRealTime ? await Rider.ComeBackAsync(client, platform.Clock, number, domain, ct) : null)
            ?? await Rider.RegisterAsync(client, platform.Clock, number, faults.CardOf(number), ct, domain);
    }

    /// <summary>They are free again.</summary>
    public void Return(Rider rider) => _free.Enqueue(rider);
}
