using Microsoft.AspNetCore.Http.Features;
using Mobility.Contracts;
using Mobility.Platform.Mqtt;

namespace Mobility.Telemetry.Mqtt;

/// <summary>CONNECT: who it is, and what was agreed.</summary>
internal sealed partial class MqttConnection
{
    /// <summary>User name of observers; their password is an access token.</summary>
    public const string ObserverName = "observer";

    /// <summary>What an observer's token must allow.</summary>
    public const string ObserverPermission = "fleet.read";

    public const int ClientIdLengthMax = 128;

    /// <summary>Longest silence that we agree to: behind it stands a connection that may be dead.</summary>
    public const ushort KeepAliveSecondsMax = 1_200;

    private async ValueTask ConnectAsync(ConnectPacket connect, CancellationToken ct)
    {
        _reader.Version = connect.Version;
        if (Fault(connect) is { } fault)
        {
            RefuseConnect(fault);
            return;
        }
        var (rights, refusal) = await IdentifyPatientlyAsync(connect, ct);
        if (rights is null)
        {
            RefuseConnect(refusal);
            return;
        }
        if (connect.Will is { } will && (rights.Vehicle is not { } own || will.Topic != TopicRights.Name(TopicKind.Status, own)))
        {
            RefuseConnect(ReasonCode.NotAuthorized);
            return;
        }
        Agree(connect, rights);
    }

    private void Agree(ConnectPacket connect, TopicRights rights)
    {
        var clientId = connect.ClientId.Length > 0 ? connect.ClientId : rights.Vehicle?.ToString() ?? ObserverName;
        _receiveMaximum = (int)(connect.Properties.Number(PropertyId.ReceiveMaximum) ?? ushort.MaxValue);
        _packetBytesMax = connect.Properties.Number(PropertyId.MaximumPacketSize) ?? uint.MaxValue;
        // 3.1.1 keeps the session of whoever does not ask for a clean one for as long as we like.
        var wanted = connect.Version == MqttVersion.V5 ? connect.Properties.Number(PropertyId.SessionExpiry) ?? 0 : connect.CleanStart ? 0 : uint.MaxValue;
        ExpirySeconds = MqttConnections.KeptSeconds(wanted);
        var keepAlive = connect.KeepAliveSeconds is 0 or > KeepAliveSecondsMax ? KeepAliveSecondsMax : connect.KeepAliveSeconds;
        _silenceMax = TimeSpan.FromSeconds(keepAlive * 1.5);
        var isKept = false;
        if (rights.Vehicle is { } vehicle)
            isKept = _connections.Enter(this, vehicle, clientId, connect.CleanStart);
        else
            _out = new Outgoing(_transport.Transport.Output, ObserverWaitingBytesMax);
        _will = connect.Will;
        _connections.LetIn(_transport);
        var properties = MqttProperties.None;
        if (connect.Version == MqttVersion.V5)
        {
            properties = new MqttProperties()
                .With(PropertyId.ReceiveMaximum, ReceiveMaximum).With(PropertyId.MaximumPacketSize, PacketBytesMax)
                .With(PropertyId.MaximumQos, 1).With(PropertyId.TopicAliasMaximum, 0)
                .With(PropertyId.WildcardAvailable, rights.Vehicle is null ? 1u : 0).With(PropertyId.SubscriptionIdAvailable, 0)
                .With(PropertyId.SharedAvailable, 0);
            if (connect.ClientId.Length == 0)
                properties.With(PropertyId.AssignedClientId, clientId);
            if (keepAlive != connect.KeepAliveSeconds)
                properties.With(PropertyId.ServerKeepAlive, keepAlive);
            if (ExpirySeconds != wanted)
                properties.With(PropertyId.SessionExpiry, ExpirySeconds);
        }
        Send(new ConnAckPacket(isKept, 0) { Properties = properties });
        _rights = rights; // from here on commands may be sent, never before CONNACK
        if (_ended != 0 && Session is { } entered)
            _connections.Leave(this, entered.Vehicle); // it ended before it had a seat to leave
        if (isKept)
            Resume();
    }

    /// <summary>What is wrong with the packet whoever sends it.</summary>
    private static ReasonCode? Fault(ConnectPacket connect)
    {
        if (connect.Properties.Text(PropertyId.AuthenticationMethod) is not null)
            return ReasonCode.BadAuthenticationMethod;
        if (connect.Properties.Binary(PropertyId.AuthenticationData) is not null)
            return ReasonCode.ProtocolError; // data without a method
        if (connect.ClientId.Length > ClientIdLengthMax || (connect.ClientId.Length == 0 && !connect.CleanStart && connect.Version == MqttVersion.V311))
            return ReasonCode.ClientIdentifierNotValid;
        if (connect.Will is { Qos: > 1 })
            return ReasonCode.QosNotSupported;
        return connect.Will is { Payload.Length: > SmallPayloadBytesMax } ? ReasonCode.PacketTooLarge : null;
    }

    /// <summary>While we look the secret up, the silence is ours; without the database nobody can be let in.</summary>
    private async ValueTask<(TopicRights? Rights, ReasonCode Refusal)> IdentifyPatientlyAsync(ConnectPacket connect, CancellationToken ct)
    {
        _isHandingOn = true;
        try
        {
            return await IdentifyAsync(connect, ct);
        }
        catch (Exception e) when (e is Npgsql.NpgsqlException or TimeoutException)
        {
            return (null, ReasonCode.ServerUnavailable);
        }
        finally
        {
            Volatile.Write(ref _heardAt, _clock.GetTimestamp());
            _isHandingOn = false;
        }
    }

    private async ValueTask<(TopicRights? Rights, ReasonCode Refusal)> IdentifyAsync(ConnectPacket connect, CancellationToken ct)
    {
        if (_transport.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is { } certificate)
        {
            var named = DeviceAuthority.VehicleOf(certificate);
            if (named is not { } proven || !await _services.Secrets.IsCertificateGoodAsync(certificate.SerialNumber, ct))
                return (null, ReasonCode.NotAuthorized);
            _goodUntil = new DateTimeOffset(certificate.NotAfter.ToUniversalTime());
            return connect.UserName is null || connect.UserName == proven.ToString()
                ? (TopicRights.Of(proven), default)
                : (null, ReasonCode.BadUserNameOrPassword);
        }
        if (connect.UserName is not { } user || connect.Password is not { } password)
            return (null, ReasonCode.BadUserNameOrPassword);
        if (VehicleId.TryParse(user, null, out var vehicle))
            return await _services.Secrets.CheckAsync(vehicle, password, ct) ? (TopicRights.Of(vehicle), default) : (null, ReasonCode.BadUserNameOrPassword);
        if (user != ObserverName || await _services.Tokens.VerifyAsync(System.Text.Encoding.UTF8.GetString(password), ct) is not { } caller)
            return (null, ReasonCode.BadUserNameOrPassword);
        return caller.May(ObserverPermission) ? (TopicRights.OfObserver(), default) : (null, ReasonCode.NotAuthorized);
    }

    private void RefuseConnect(ReasonCode reason)
    {
        TelemetryMetrics.RefusedConnects.Add(1, new KeyValuePair<string, object?>("reason", reason.ToString()));
        var code = Version == MqttVersion.V5 ? (byte)reason : reason switch
        {
            ReasonCode.ClientIdentifierNotValid => (byte)2,
            ReasonCode.ServerUnavailable or ReasonCode.ServerBusy => (byte)3,
            ReasonCode.BadUserNameOrPassword => (byte)4,
            _ => (byte)5,
        };
        _out.TrySend(new ConnAckPacket(false, code), Version);
        End(reason);
    }
}
