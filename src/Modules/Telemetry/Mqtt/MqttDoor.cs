using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mobility.Platform;

namespace Mobility.Telemetry.Mqtt;

/// <summary>
/// Listens for vehicles. A Kestrel of its own beside the one for HTTP: the addresses, limits and life of the two have nothing to do with each other. Without a
/// port in the configuration the door stays shut.
/// </summary>
internal sealed partial class MqttDoor(
    IServiceProvider services, IOptions<TelemetryOptions> options, MqttConnections connections, DeviceAuthority authority, ILoggerFactory loggers)
    : IHostedService, IAsyncDisposable
{
    /// <summary>From accepting a connection to its CONNECT, the TLS handshake included.</summary>
    public static readonly TimeSpan ConnectWithin = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stopping = new();
    private KestrelServer? _server;
    private Task _sweeping = Task.CompletedTask;

    /// <summary>Where it listens, once started.</summary>
    public int? Port { get; private set; }

    /// <summary>Where it listens with TLS, once started.</summary>
    public int? TlsPort { get; private set; }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var settings = options.Value;
        if (settings.MqttPort is null && settings.MqttTlsPort is null)
            return;
        if (!IPAddress.TryParse(settings.MqttAddress, out var address))
            throw new PlatformStartException($"Telemetry:MqttAddress '{settings.MqttAddress}' is not an IP address.");
        var kestrel = new KestrelServerOptions { ApplicationServices = services, AddServerHeader = false };
        kestrel.Limits.MaxConcurrentConnections = settings.ConnectionsMax;
        if (settings.MqttPort is { } port)
            kestrel.Listen(address, port, listen => listen.Use(connections.Gate).UseConnectionHandler<MqttConnectionHandler>());
        if (settings.MqttTlsPort is { } tlsPort)
        {
            await authority.PrepareAsync(cancellationToken);
            kestrel.Listen(address, tlsPort, listen =>
            {
                listen.Use(connections.Gate);
                listen.UseHttps(new TlsHandshakeCallbackOptions
                {
                    HandshakeTimeout = ConnectWithin,
                    OnConnection = _ => ValueTask.FromResult(authority.ServerOptions()),
                });
                listen.UseConnectionHandler<MqttConnectionHandler>();
            });
        }
        var transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions { Backlog = 4_096 }), loggers);
        _server = new KestrelServer(Options.Create(kestrel), transport, loggers);
        try
        {
            await _server.StartAsync(new NoHttp(), cancellationToken);
        }
        catch (IOException e)
        {
            throw new PlatformStartException($"The MQTT door cannot listen; choose another port with Telemetry:MqttPort or Telemetry:MqttTlsPort. {e.Message}", e);
        }
        var ports = _server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Select(text => new Uri(text).Port).ToArray();
        Port = settings.MqttPort is null ? null : ports[0];
        TlsPort = settings.MqttTlsPort is null ? null : ports[^1];
        var log = loggers.CreateLogger<MqttDoor>();
        if (Port is { } plain)
            LogListening(log, plain);
        if (TlsPort is { } encrypted)
            LogListeningWithTls(log, encrypted);
        _sweeping = connections.SweepAsync(_stopping.Token);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_server is null)
            return;
        await _stopping.CancelAsync();
        await _sweeping;
        connections.CloseAll();
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        soon.CancelAfter(TimeSpan.FromSeconds(2));
        await _server.StopAsync(soon.Token);
    }

    public ValueTask DisposeAsync()
    {
        _server?.Dispose();
        _stopping.Dispose();
        return ValueTask.CompletedTask;
    }

    [LoggerMessage(EventId = 8101, Level = LogLevel.Information, Message = "The MQTT door listens on port {Port}.")]
    private static partial void LogListening(ILogger log, int port);

    [LoggerMessage(EventId = 8102, Level = LogLevel.Information, Message = "The MQTT door listens with TLS on port {Port}.")]
    private static partial void LogListeningWithTls(ILogger log, int port);

    /// <summary>Kestrel wants an application for HTTP; no connection of this server ever gets there.</summary>
    private sealed class NoHttp : IHttpApplication<object>
    {
        public object CreateContext(IFeatureCollection contextFeatures) => throw new NotSupportedException();

        public void DisposeContext(object context, Exception? exception) => throw new NotSupportedException();

        public Task ProcessRequestAsync(object context) => throw new NotSupportedException();
    }
}

/// <summary>Kestrel hands each connection over here.</summary>
internal sealed class MqttConnectionHandler(MqttConnections connections) : ConnectionHandler
{
    public override Task OnConnectedAsync(ConnectionContext connection) => connections.ServeAsync(connection);
}
