using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform.Mqtt;
using Mobility.Telemetry.Mqtt;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>The door over real sockets, byte by byte where it matters.</summary>
public sealed class MqttDoorTests(MqttFixture platform) : IClassFixture<MqttFixture>
{
    [Fact]
    public async Task What_was_agreed_is_said_in_CONNACK()
    {
        await using var client = await platform.ConnectAsync(await platform.NewVehicleAsync(), keepAlive: 0);
        client.ConnAck.Reason.ShouldBe((byte)0);
        client.ConnAck.Properties.Number(PropertyId.MaximumQos).ShouldBe(1u);
        client.ConnAck.Properties.Number(PropertyId.TopicAliasMaximum).ShouldBe(0u);
        client.ConnAck.Properties.Number(PropertyId.ServerKeepAlive).ShouldBe(1_200u);
        client.ConnAck.Properties.Number(PropertyId.ReceiveMaximum).ShouldBe(1_024u);
        await client.SendAsync(PingReqPacket.Instance);
        (await client.ReadAsync()).ShouldBeOfType<PingRespPacket>();
    }

    [Fact]
    public async Task A_repeated_report_is_acknowledged_again_and_stored_once()
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var client = await platform.ConnectAsync(vehicle);
        var report = platform.Report(7);
        for (ushort id = 1; id <= 3; id++)
            (await client.SayAsync($"telemetry/{vehicle.Id}", report, id)).ShouldBe(new PubAckPacket(id, ReasonCode.Success) { Properties = MqttProperties.None });
        await client.PublishAsync($"telemetry/{vehicle.Id}", platform.Report(8), 1, 10); // twice in the same batch
        await client.PublishAsync($"telemetry/{vehicle.Id}", platform.Report(8), 1, 11);
        (await client.ReadAsync()).ShouldBeOfType<PubAckPacket>();
        (await client.ReadAsync()).ShouldBeOfType<PubAckPacket>();
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(2);
    }

    [Fact, Trait("Req", "FLT-5")]
    public async Task A_backlog_of_a_day_is_taken_in_the_order_of_the_vehicles_clock()
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var client = await platform.ConnectAsync(vehicle);
        var order = new[] { 5, 3, 1, 4, 2 };
        foreach (var i in order)
            await client.SayAsync($"telemetry/{vehicle.Id}", platform.Report(i, ago: TimeSpan.FromHours(23 - i * 4), lat: 50 + i * 0.0001));
        await client.SayAsync($"telemetry/{vehicle.Id}", platform.Report(6, ago: TimeSpan.FromHours(25)));
        await client.SayAsync($"telemetry/{vehicle.Id}", platform.Report(7, ago: TimeSpan.FromMinutes(-5)));
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(5);
        (await platform.ScalarAsync<long>($"SELECT sequence FROM telemetry.last_reports WHERE vehicle = '{vehicle.Id.Value}'")).ShouldBe(5);
        (await platform.QuarantineCountAsync(vehicle.Id, "too_old")).ShouldBe(1);
        (await platform.QuarantineCountAsync(vehicle.Id, "clock_ahead")).ShouldBe(1);
    }

    [Fact, Trait("Req", "FLT-3")]
    public async Task What_breaks_a_rule_is_acknowledged_and_shown_to_an_operator()
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var client = await platform.ConnectAsync(vehicle);
        var topic = $"telemetry/{vehicle.Id}";
        await client.SayAsync(topic, "no json");
        await client.SayAsync(topic, """{"sequence":1}""");
        await client.SayAsync(topic, platform.Report(1).Replace("\"stateOfChargePercent\":80", "\"stateOfChargePercent\":101", StringComparison.Ordinal));
        await client.SayAsync(topic, platform.Report(2, 0, 0));
        await client.SayAsync(topic, platform.Report(3, more: """,  "batteryId":"a\u0000b" """));
        await client.SayAsync(topic, platform.Report(4, more: ""","errorCodes":["e 1"]"""));
        await client.SayAsync(topic, new string('x', 20_000));
        await client.SayAsync(topic, platform.Report(5));
        await client.SayAsync(topic, platform.Report(5, 50.0001, ago: TimeSpan.FromSeconds(1))); // the sequence stands for another report
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(1);
        using var staff = platform.StaffClient();
        var shown = await staff.GetStringAsync(new Uri($"/v1/telemetry/quarantine?vehicle={vehicle.Id}", UriKind.Relative));
        foreach (var reason in new[] { "malformed", "charge_out_of_range", "position_out_of_range", "battery_out_of_range", "errors_out_of_range", "too_long", "sequence_reused" })
            shown.ShouldContain(reason);
        (await platform.QuarantineCountAsync(vehicle.Id, "malformed")).ShouldBe(2);
    }

    [Fact, Trait("Req", "FLT-7")]
    public async Task A_jump_is_believed_when_the_vehicle_keeps_saying_so()
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var client = await platform.ConnectAsync(vehicle);
        var topic = $"telemetry/{vehicle.Id}";
        await client.SayAsync(topic, platform.Report(1, 50));
        await client.SayAsync(topic, platform.Report(2, 51));
        await client.SayAsync(topic, platform.Report(3, 50));
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(2);
        foreach (var sequence in new[] { 4, 5, 6 })
            await client.SayAsync(topic, platform.Report(sequence, 51));
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(3);
        (await platform.QuarantineCountAsync(vehicle.Id, "impossible_jump")).ShouldBe(3);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(7)]
    public async Task Bytes_that_come_in_pieces_are_put_together(int piece)
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var client = await platform.ConnectAsync(vehicle, MqttVersion.V311);
        var packet = new PublishPacket { Topic = Encoding.UTF8.GetBytes($"telemetry/{vehicle.Id}"), Payload = Encoding.UTF8.GetBytes(platform.Report(1)), Qos = 1, PacketId = 5 };
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        MqttWriter.Write(bytes, packet, MqttVersion.V311);
        for (var at = 0; at < bytes.WrittenCount; at += piece)
            await client.SendRawAsync(bytes.WrittenMemory.Slice(at, Math.Min(piece, bytes.WrittenCount - at)));
        (await client.ReadAsync()).ShouldBeOfType<PubAckPacket>().PacketId.ShouldBe((ushort)5);
    }

    [Theory]
    [InlineData("FFFFFFFFFF", ReasonCode.MalformedPacket)]
    [InlineData("30818004", ReasonCode.PacketTooLarge)]
    [InlineData("3406000174000100", ReasonCode.QosNotSupported)] // QoS 2
    [InlineData("3007000174032300" + "01", ReasonCode.TopicAliasInvalid)]
    [InlineData("62020001", ReasonCode.ProtocolError)] // PUBREL
    [InlineData("F000", ReasonCode.ProtocolError)] // AUTH
    [InlineData("20020000", ReasonCode.MalformedPacket)] // what only a server sends
    public async Task Who_breaks_the_protocol_is_told_why_and_cut_off(string hex, object reason)
    {
        await using var client = await platform.ConnectAsync(await platform.NewVehicleAsync());
        await client.SendRawAsync(Convert.FromHexString(hex));
        (await client.ReadAsync()).ShouldBeOfType<DisconnectPacket>().Reason.ShouldBe(reason);
        (await client.ReadAsync()).ShouldBeNull();
    }

    [Fact]
    public async Task Any_bytes_instead_of_CONNECT_only_end_the_connection()
    {
        var random = new Random(5);
        for (var i = 0; i < 50; i++)
        {
            await using var client = await MqttTestClient.OpenAsync(platform.Port);
            var soup = new byte[random.Next(1, 300)];
            random.NextBytes(soup);
            soup[0] = (byte)(soup[0] | 0x20); // no CONNECT
            await client.SendRawAsync(soup);
            await client.SendRawAsync(new byte[] { 0, 0 });
        }
        await using var fine = await platform.ConnectAsync(await platform.NewVehicleAsync());
        fine.ConnAck.Reason.ShouldBe((byte)0);
    }

    [Fact]
    public async Task Foreign_topics_are_refused_in_words_that_each_version_has()
    {
        var vehicle = await platform.NewVehicleAsync();
        var other = await platform.NewVehicleAsync();
        await using var five = await platform.ConnectAsync(vehicle);
        (await five.SayAsync($"telemetry/{other.Id}", "x")).Reason.ShouldBe(ReasonCode.NotAuthorized);
        (await five.SayAsync($"commands/{vehicle.Id}", "x")).Reason.ShouldBe(ReasonCode.NotAuthorized);
        (await five.SubscribeAsync($"commands/{other.Id}")).Codes.ShouldBe([(byte)ReasonCode.NotAuthorized]);
        (await five.SubscribeAsync("#")).Codes.ShouldBe([(byte)ReasonCode.WildcardSubscriptionsNotSupported]);
        (await five.SubscribeAsync("commands/+")).Codes.ShouldBe([(byte)ReasonCode.WildcardSubscriptionsNotSupported]);
        (await five.SubscribeAsync($"$share/g/commands/{vehicle.Id}")).Codes.ShouldBe([(byte)ReasonCode.SharedSubscriptionsNotSupported]);
        (await five.SubscribeAsync($"commands/{vehicle.Id}", 2)).Codes.ShouldBe([(byte)1]);
        await using var three = await platform.ConnectAsync(vehicle, MqttVersion.V311);
        (await three.SubscribeAsync($"commands/{other.Id}")).Codes.ShouldBe([(byte)0x80]);
        await three.PublishAsync($"telemetry/{other.Id}", "x");
        (await three.ReadAsync()).ShouldBeNull();
    }

    [Fact]
    public async Task Who_connects_again_takes_over()
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var first = await platform.ConnectAsync(vehicle);
        await using var second = await platform.ConnectAsync(vehicle);
        (await first.ReadAsync()).ShouldBeOfType<DisconnectPacket>().Reason.ShouldBe(ReasonCode.SessionTakenOver);
        (await second.SayAsync($"telemetry/{vehicle.Id}", platform.Report(1))).Reason.ShouldBe(ReasonCode.Success);
    }

    [Fact]
    public async Task A_vehicle_whose_network_broke_finds_its_session_however_soon_it_is_back()
    {
        var vehicle = await platform.NewVehicleAsync();
        var keep = new MqttProperties().With(PropertyId.SessionExpiry, 600);
        await (await platform.ConnectAsync(vehicle, properties: keep)).DisposeAsync();
        for (var i = 0; i < 200; i++)
            await using (var back = await platform.ConnectAsync(vehicle, clean: false, properties: keep)) // the door may or may not have seen yet that the last one broke
                back.ConnAck.SessionPresent.ShouldBeTrue($"time {i}");
    }

    [Fact]
    public async Task A_connection_is_not_over_while_somebody_else_writes_into_it()
    {
        var vehicle = await platform.NewVehicleAsync();
        var connections = platform.Services.GetRequiredService<MqttConnections>();
        var (heard, said) = (new Pipe(), new Pipe());
        var output = new WatchedWriter(said.Writer);
        var served = connections.ServeAsync(new DefaultConnectionContext("watched") { Transport = new Duplex(heard.Reader, output) });
        MqttWriter.Write(heard.Writer, new ConnectPacket
        {
            CleanStart = true,
            Version = MqttVersion.V5,
            KeepAliveSeconds = 60,
            ClientId = "watched",
            UserName = vehicle.Id.ToString(),
            Password = Encoding.UTF8.GetBytes(vehicle.Secret),
        }, MqttVersion.V5);
        MqttWriter.Write(heard.Writer, PingReqPacket.Instance, MqttVersion.V5);
        await heard.Writer.FlushAsync();
        await Eventually.TrueAsync(() => Task.FromResult(said.Reader.TryRead(out var answers) && IsPingResp(answers)), "the answer to the ping");
        bool? wasOver = null;
        output.Writes = () =>
        {
            heard.Writer.Complete(); // the vehicle goes just now
            wasOver ??= SpinWait.SpinUntil(() => served.IsCompleted, TimeSpan.FromMilliseconds(300));
        };
        await Task.Run(() => connections.Of(vehicle.Id)!.End(ReasonCode.SessionTakenOver));
        wasOver.ShouldBe(false, "who ended it wrote into a pipe that may be completed");
        await served;

        bool IsPingResp(ReadResult answers)
        {
            var bytes = answers.Buffer.ToArray();
            said.Reader.AdvanceTo(answers.Buffer.Start, answers.Buffer.End);
            return bytes.AsSpan().EndsWith((ReadOnlySpan<byte>)[0xD0, 0]);
        }
    }

    [Fact]
    public async Task The_last_will_speaks_when_the_vehicle_falls_silent_and_not_when_it_says_goodbye()
    {
        var vehicle = await platform.NewVehicleAsync();
        var topic = $"status/{vehicle.Id}";
        var will = new WillMessage(topic, Encoding.UTF8.GetBytes("lost"), 1, true, MqttProperties.None);
        await using (var polite = await platform.ConnectAsync(vehicle, will: will))
        {
            await polite.SayAsync(topic, "here");
            await polite.SendAsync(new DisconnectPacket(ReasonCode.Success));
            (await polite.ReadAsync()).ShouldBeNull();
        }
        (await StatusAsync(vehicle.Id)).ShouldBe("here");
        await using (await platform.ConnectAsync(vehicle, will: will))
        {
            // and gone, without a word
        }
        await Eventually.TrueAsync(async () => await StatusAsync(vehicle.Id) == "lost", "the will is the status");
        await using var silent = await platform.ConnectAsync(vehicle, keepAlive: 1, will: will with { Payload = Encoding.UTF8.GetBytes("silent") });
        (await silent.ReadAsync()).ShouldBeOfType<DisconnectPacket>().Reason.ShouldBe(ReasonCode.KeepAliveTimeout);
        await Eventually.TrueAsync(async () => await StatusAsync(vehicle.Id) == "silent", "the will is the status");
        (await platform.ConnectAsync(vehicle, will: will with { Topic = "status/another" })).ConnAck.Reason.ShouldBe((byte)ReasonCode.NotAuthorized);
    }

    [Fact]
    public async Task A_session_is_kept_for_who_asks_and_forgotten_for_who_does_not()
    {
        var vehicle = await platform.NewVehicleAsync();
        var keep = new MqttProperties().With(PropertyId.SessionExpiry, 600);
        await using (var first = await platform.ConnectAsync(vehicle, properties: keep))
        {
            first.ConnAck.SessionPresent.ShouldBeFalse();
            await first.SubscribeAsync($"status/{vehicle.Id}");
        }
        await using (var again = await platform.ConnectAsync(vehicle, clean: false, properties: keep))
        {
            again.ConnAck.SessionPresent.ShouldBeTrue();
            await again.PublishAsync($"status/{vehicle.Id}", "hello", qos: 0);
            (await again.ReadAsync()).ShouldBeOfType<PublishPacket>().Qos.ShouldBe((byte)1); // still subscribed
            // and gone, without acknowledging it
        }
        await using (var third = await platform.ConnectAsync(vehicle, clean: false, properties: keep))
        {
            var repeated = (await third.ReadAsync()).ShouldBeOfType<PublishPacket>();
            repeated.Duplicate.ShouldBeTrue();
            await third.SendAsync(new PubAckPacket(repeated.PacketId, ReasonCode.Success));
            await third.SendAsync(PingReqPacket.Instance);
            (await third.ReadAsync()).ShouldBeOfType<PingRespPacket>();
        }
        await using var clean = await platform.ConnectAsync(vehicle);
        clean.ConnAck.SessionPresent.ShouldBeFalse();
    }

    [Fact]
    public async Task A_new_secret_ends_the_connection_made_with_the_old_one()
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var client = await platform.ConnectAsync(vehicle);
        using var staff = platform.StaffClient();
        (await staff.PostAsync(new Uri($"/v1/vehicles/{vehicle.Id}/device-secret", UriKind.Relative), null)).EnsureSuccessStatusCode();
        (await client.ReadAsync()).ShouldBeOfType<DisconnectPacket>().Reason.ShouldBe(ReasonCode.AdministrativeAction);
        (await platform.ConnectAsync(vehicle)).ConnAck.Reason.ShouldBe((byte)ReasonCode.BadUserNameOrPassword);
    }

    [Fact]
    public async Task Who_does_not_read_is_cut_off()
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var client = await MqttTestClient.ConnectAsync(platform.Port, new ConnectPacket
        {
            Version = MqttVersion.V5,
            CleanStart = true,
            KeepAliveSeconds = 60,
            ClientId = "deaf",
            UserName = vehicle.Id.ToString(),
            Password = Encoding.UTF8.GetBytes(vehicle.Secret),
        }, receiveBuffer: 4_096);
        await client.SubscribeAsync($"status/{vehicle.Id}", 0);
        var status = new string('s', 8_000);
        var cutOff = await Eventually.GetAsync(async () =>
        {
            try
            {
                for (var i = 0; i < 50; i++)
                    await client.PublishAsync($"status/{vehicle.Id}", status, qos: 0);
                return false;
            }
            catch (System.Net.Sockets.SocketException)
            {
                return true;
            }
        }, done => done, "the door cuts off a vehicle that reads nothing of what it is sent");
        cutOff.ShouldBeTrue();
    }

    [Fact]
    public async Task A_thousand_idle_vehicles_and_a_connect_storm_disturb_nobody()
    {
        var vehicle = await platform.NewVehicleAsync();
        var idle = new List<MqttTestClient>();
        try
        {
            var vehicles = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => platform.NewVehicleAsync()));
            foreach (var chunk in vehicles.Chunk(200)) // a storm of two hundred at once
                idle.AddRange(await Task.WhenAll(chunk.Select(v => platform.ConnectAsync(v))));
            idle.ShouldAllBe(client => client.ConnAck.Reason == 0);
            await using var busy = await platform.ConnectAsync(vehicle);
            (await busy.SayAsync($"telemetry/{vehicle.Id}", platform.Report(1))).Reason.ShouldBe(ReasonCode.Success);
            foreach (var client in idle)
                await client.SendAsync(PingReqPacket.Instance);
            foreach (var client in idle)
                (await client.ReadAsync()).ShouldBeOfType<PingRespPacket>();
        }
        finally
        {
            foreach (var client in idle)
                await client.DisposeAsync();
        }
    }

    private Task<string?> StatusAsync(VehicleId vehicle) =>
        platform.ScalarAsync<string>($"SELECT convert_from(payload, 'UTF8') FROM telemetry.last_statuses WHERE vehicle = '{vehicle.Value}'");

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>Tells when something is written.</summary>
    private sealed class WatchedWriter(PipeWriter inner) : PipeWriter
    {
        public Action? Writes { get; set; }

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            Writes?.Invoke();
            return inner.GetMemory(sizeHint);
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }
}
