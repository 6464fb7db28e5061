using Microsoft.Extensions.Logging.Abstractions;
using Mobility.Contracts;
using Mobility.Edge;
using Mobility.Edge.Board;
using Mobility.Edge.Wire;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Tests.Support;

namespace Mobility.Tests.Edge;

/// <summary>An agent on a simulated board, in a folder of its own, whose clock beats.</summary>
internal sealed class EdgeVehicle : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly TimeProvider _clock;
    private readonly AgentSettings _settings;
    private readonly AgentClockwork _clockwork;
    private readonly Task _beating;

    private EdgeVehicle(AgentSettings settings, TimeProvider clock, bool isLocked)
    {
        (_settings, _clock) = (settings, clock);
        Board = new SimulatedBoard(new BoardReading { Position = new GeoPoint(50, 10), StateOfChargePercent = 60, IsLocked = isLocked, OdometerMeters = 1_000 });
        Agent = NewAgent();
        _clockwork = new AgentClockwork(clock, NullLogger.Instance);
        _clockwork.Add(Agent);
        _beating = _clockwork.RunAsync(_stopping.Token);
    }

    public SimulatedBoard Board { get; }

    public VehicleAgent Agent { get; private set; }

    public string Folder => _settings.DataFolder;

    public static EdgeVehicle Start(int port, TimeProvider clock, (VehicleId Id, string Secret)? vehicle = null, Func<AgentSettings, AgentSettings>? with = null,
        bool isLocked = true)
    {
        var (id, secret) = vehicle ?? (Id.New<VehicleId>(TimeProvider.System), "secret");
        var settings = new AgentSettings
        {
            Vehicle = id,
            Door = new DoorAddress("127.0.0.1", port) { Secret = secret },
            DataFolder = Directory.CreateTempSubdirectory("mobility-edge-").FullName,
        };
        return new EdgeVehicle(with?.Invoke(settings) ?? settings, clock, isLocked);
    }

    /// <summary>The process dies and is started again on the same folder.</summary>
    public async Task CrashAndRestartAsync()
    {
        _clockwork.Remove(Agent);
        await Agent.CrashAsync();
        Agent = NewAgent();
        _clockwork.Add(Agent);
    }

    public Task AllAcknowledgedAsync() =>
        Eventually.TrueAsync(() => Task.FromResult(Agent is { Link: LinkState.Connected, IsAllAcknowledged: true }), "everything is acknowledged");

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _beating;
        await Agent.DisposeAsync();
        _stopping.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private VehicleAgent NewAgent() => new(_settings, Board, _clock, new Random(7), NullLogger.Instance);
}
