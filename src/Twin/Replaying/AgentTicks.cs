namespace Mobility.Twin.Replaying;

/// <summary>The connections of the bikes live in the machine's time, however the replay's clock goes: each is looked after every few seconds.</summary>
internal sealed class AgentTicks : IAsyncDisposable
{
    /// <summary>The agents promise to say something every minute.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _ticking;

    public AgentTicks(Func<IReadOnlyList<Bike>> bikes) => _ticking = Task.Run(() => RunAsync(bikes, _stopping.Token));

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _ticking;
        _stopping.Dispose();
    }

    private static async Task RunAsync(Func<IReadOnlyList<Bike>> bikes, CancellationToken ct)
    {
        using var timer = new PeriodicTimer(Every);
        try
        {
            while (await timer.WaitForNextTickAsync(ct))
                foreach (var bike in bikes())
                    bike.Tick();
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // stopped
        }
    }
}
