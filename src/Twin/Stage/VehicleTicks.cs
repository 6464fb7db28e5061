namespace Mobility.Twin.Stage;

/// <summary>The connections of the vehicles live in the machine's time, however the twin's clock goes: each is looked after every few seconds.</summary>
internal sealed class VehicleTicks : IAsyncDisposable
{
    /// <summary>The agents promise to say something every minute.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _ticking;

    public VehicleTicks(Func<IReadOnlyList<SimulatedVehicle>> vehicles) => _ticking = Task.Run(() => RunAsync(vehicles, _stopping.Token));

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _ticking;
        _stopping.Dispose();
    }

    private static async Task RunAsync(Func<IReadOnlyList<SimulatedVehicle>> vehicles, CancellationToken ct)
    {
        using var timer = new PeriodicTimer(Every);
        try
        {
            while (await timer.WaitForNextTickAsync(ct))
                foreach (var vehicle in vehicles())
                    vehicle.Tick();
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // stopped
        }
    }
}
