using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Mobility.Platform.Mqtt;

namespace Mobility.Tests.Telemetry;

/// <summary>The codec against itself, against the examples of the standard, and against any bytes.</summary>
public sealed class MqttCodecTests
{
    private const int PacketMax = 64 * 1024;

    [Fact]
    public void Every_packet_reads_as_it_was_written_however_it_is_cut()
    {
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2_000), Prop.ForAll(Packets().ToArbitrary(), Gen.Choose(1, 40).ToArbitrary(), (sample, piece) =>
        {
            var (version, packet) = sample;
            var written = new ArrayBufferWriter<byte>();
            MqttWriter.Write(written, packet, version);
            MqttWriter.Write(written, PingReqPacket.Instance, version); // what follows must not be touched
            var (packets, fault) = ReadInPieces(written.WrittenSpan.ToArray(), piece, version);
            fault.ShouldBeNull($"{packet}");
            packets.Count.ShouldBe(2);
            Bytes(packets[0], version).ShouldBe(Bytes(packet, version));
            packets[0].GetType().ShouldBe(packet.GetType());
            packets[1].ShouldBe(PingReqPacket.Instance);
        }));
    }

    [Fact]
    public void Any_bytes_in_any_pieces_are_packets_or_a_fault_and_never_an_exception()
    {
        var bytes = Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf(80);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(20_000), Prop.ForAll(bytes.ToArbitrary(), Gen.Choose(1, 30).ToArbitrary(), (soup, piece) =>
        {
            foreach (var version in new[] { MqttVersion.V311, MqttVersion.V5 })
            {
                var (_, whole) = ReadInPieces(soup, soup.Length + 1, version);
                var (_, cut) = ReadInPieces(soup, piece, version);
                cut.ShouldBe(whole); // where the network cuts changes nothing
            }
        }));
    }

    [Fact]
    public void A_good_packet_with_any_bytes_changed_is_a_packet_or_a_fault_and_never_an_exception()
    {
        var change = Gen.Two(Gen.Choose(0, 255)).ListOf(3);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(20_000), Prop.ForAll(Packets().ToArbitrary(), change.ToArbitrary(), (sample, changes) =>
        {
            var bytes = Bytes(sample.Packet, sample.Version);
            foreach (var (place, value) in changes)
                bytes[place % bytes.Length] = (byte)value;
            ReadInPieces(bytes, 7, sample.Version);
        }));
    }

    [Fact]
    public void A_packet_that_is_cut_short_by_its_own_length_is_malformed()
    {
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2_000), Prop.ForAll(Packets().ToArbitrary(), sample =>
        {
            if (sample.Packet is PublishPacket or SubAckPacket or UnsubAckPacket) // these end in as many bytes as there are
                return;
            var bytes = Bytes(sample.Packet, sample.Version);
            if (bytes.Length is < 4 or > 120)
                return;
            bytes[1]--;
            var (packets, fault) = ReadInPieces(bytes[..^1], 200, sample.Version);
            if (sample.Packet is PubAckPacket or ExactlyOncePacket or DisconnectPacket or AuthPacket)
                return; // may leave their end out
            fault.ShouldNotBeNull($"{sample.Packet} {Convert.ToHexString(bytes)} {packets.Count}");
        }));
    }

    [Theory]
    [InlineData("FFFFFFFFFF", ReasonCode.MalformedPacket)] // a remaining length of five bytes
    [InlineData("30818004", ReasonCode.PacketTooLarge)] // 65,537 bytes announced: refused before they come
    [InlineData("3003000174", null)] // PUBLISH to "t" without payload
    [InlineData("30020000", ReasonCode.TopicNameInvalid)] // an empty topic
    [InlineData("3003000123", ReasonCode.TopicNameInvalid)] // topic "#"
    [InlineData("300300012B", ReasonCode.TopicNameInvalid)] // topic "+"
    [InlineData("3003000100", ReasonCode.MalformedPacket)] // U+0000
    [InlineData("30030001FF", ReasonCode.MalformedPacket)] // no UTF-8
    [InlineData("36050001740001", ReasonCode.MalformedPacket)] // QoS 3
    [InlineData("3803000174", ReasonCode.MalformedPacket)] // DUP with QoS 0
    [InlineData("32050001740000", ReasonCode.ProtocolError)] // packet identifier 0
    [InlineData("8006000100017400", ReasonCode.MalformedPacket)] // SUBSCRIBE with the flags of another packet
    [InlineData("82020001", ReasonCode.ProtocolError)] // SUBSCRIBE to nothing
    [InlineData("8206000100017403", ReasonCode.MalformedPacket)] // QoS 3 asked for
    [InlineData("A2020001", ReasonCode.ProtocolError)] // UNSUBSCRIBE from nothing
    [InlineData("C00100", ReasonCode.MalformedPacket)] // PINGREQ with a body
    [InlineData("0000", ReasonCode.MalformedPacket)] // type 0
    [InlineData("F000", ReasonCode.MalformedPacket)] // AUTH does not exist in 3.1.1
    [InlineData("100C00064D51497364700302003C0000", ReasonCode.UnsupportedProtocolVersion)] // MQTT 3.1
    [InlineData("100C00044D5154540603003C00000000", ReasonCode.UnsupportedProtocolVersion)] // level 6
    [InlineData("100C00044D5154540401003C0000", ReasonCode.MalformedPacket)] // the reserved flag
    public void What_the_standard_forbids_in_311_is_a_fault(string hex, object? reason)
    {
        var (_, fault) = ReadInPieces(Convert.FromHexString(hex), 1, MqttVersion.V311);
        fault?.Reason.ShouldBe(reason);
        (fault is null).ShouldBe(reason is null);
    }

    [Theory]
    [InlineData("3004000174" + "00", null)]
    [InlineData("3006000174" + "020101", null)] // payload format: text
    [InlineData("3006000174" + "020102", ReasonCode.ProtocolError)] // payload format 2
    [InlineData("3008000174" + "0401010101", ReasonCode.ProtocolError)] // the same property twice
    [InlineData("3007000174" + "03210001", ReasonCode.ProtocolError)] // receive maximum in a PUBLISH
    [InlineData("3007000174" + "03230000", ReasonCode.TopicAliasInvalid)] // alias 0
    [InlineData("3006000174" + "027F00", ReasonCode.MalformedPacket)] // an unknown property
    [InlineData("3006000174" + "7F0101", ReasonCode.MalformedPacket)] // a list that is longer than the packet
    [InlineData("3006000174" + "010101", ReasonCode.MalformedPacket)] // a property that is longer than its list
    [InlineData("3003000000", ReasonCode.ProtocolError)] // neither topic nor alias
    [InlineData("101400044D51545405020000" + "03210000" + "000474657374", ReasonCode.ProtocolError)] // receive maximum 0
    [InlineData("F000", null)] // AUTH, for the connection to refuse
    public void What_the_standard_forbids_in_5_is_a_fault(string hex, object? reason)
    {
        var (_, fault) = ReadInPieces(Convert.FromHexString(hex), 3, MqttVersion.V5);
        fault?.Reason.ShouldBe(reason);
        (fault is null).ShouldBe(reason is null);
    }

    private static (List<MqttPacket> Packets, MqttFault? Fault) ReadInPieces(byte[] bytes, int piece, MqttVersion version)
    {
        var reader = new MqttReader(PacketMax) { Version = version };
        var packets = new List<MqttPacket>();
        var taken = 0;
        for (var received = Math.Min(piece, bytes.Length); ; received = Math.Min(received + piece, bytes.Length))
        {
            var buffer = Segments(bytes.AsMemory(taken, received - taken), piece);
            ReadOutcome outcome;
            MqttFault? fault;
            while (true)
            {
                var before = buffer.Length;
                outcome = reader.TryRead(ref buffer, out var packet, out fault);
                if (outcome != ReadOutcome.Packet)
                    break;
                packets.Add(packet!);
                taken += (int)(before - buffer.Length);
            }
            if (outcome == ReadOutcome.Fault)
                return (packets, fault);
            if (received == bytes.Length)
                return (packets, null);
        }
    }

    private static ReadOnlySequence<byte> Segments(ReadOnlyMemory<byte> bytes, int piece)
    {
        if (bytes.Length <= piece)
            return new ReadOnlySequence<byte>(bytes);
        var first = new Segment(bytes[..piece], 0);
        var last = first;
        for (var at = piece; at < bytes.Length; at += piece)
            last = last.Add(bytes.Slice(at, Math.Min(piece, bytes.Length - at)));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private static byte[] Bytes(MqttPacket packet, MqttVersion version)
    {
        var output = new ArrayBufferWriter<byte>();
        MqttWriter.Write(output, packet, version);
        return output.WrittenSpan.ToArray();
    }

    private static Gen<(MqttVersion Version, MqttPacket Packet)> Packets()
    {
        var text = Gen.Elements("", "a", "telemetry/veh_01", "größe", "🚲", new string('x', 200));
        var topic = Gen.Elements("a", "status/veh_01", "ü/1");
        var bytes = Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf();
        var id = Gen.Choose(1, ushort.MaxValue).Select(i => (ushort)i);
        var qos = Gen.Choose(0, 2).Select(q => (byte)q);
        var flag = Gen.Elements(true, false);
        return
            from version in Gen.Elements(MqttVersion.V311, MqttVersion.V5)
            from a in text
            from b in topic
            from payload in bytes
            from packetId in id
            from q in qos
            from one in flag
            from two in flag
            from seed in Gen.Choose(0, int.MaxValue)
            from which in Gen.Choose(0, 14)
            select (version, Make(which, version, a, b, payload, packetId, q, one, two, new Random(seed)));
    }

    private static MqttPacket Make(
        int which, MqttVersion version, string text, string topic, byte[] bytes, ushort id, byte qos, bool one, bool two, Random random)
    {
        MqttProperties Some(PacketType type) => version == MqttVersion.V5 ? SomeProperties(type, random) : MqttProperties.None;
        var reason = version == MqttVersion.V5 && one ? ReasonCode.NotAuthorized : ReasonCode.Success;
        return which switch
        {
            0 => new ConnectPacket
            {
                Version = version,
                CleanStart = one,
                KeepAliveSeconds = id,
                ClientId = text,
                UserName = two ? text : null,
                Password = two ? bytes : null,
                Will = one ? new WillMessage(topic, bytes, qos, two, Some(MqttProperties.Will)) : null,
                Properties = Some(PacketType.Connect),
            },
            1 => new ConnAckPacket(one, (byte)reason) { Properties = Some(PacketType.ConnAck) },
            2 => new PubAckPacket(id, reason) { Properties = Some(PacketType.PubAck) },
            3 => new ExactlyOncePacket(PacketType.PubRel, id) { Properties = Some(PacketType.PubRel) },
            4 => new SubscribePacket(id, [new TopicRequest(topic, qos), new TopicRequest("a/#", 1)]) { Properties = Some(PacketType.Subscribe) },
            5 => new SubAckPacket(id, [0, 1, 0x80]) { Properties = Some(PacketType.SubAck) },
            6 => new UnsubscribePacket(id, [topic, "b"]) { Properties = Some(PacketType.Unsubscribe) },
            7 => new UnsubAckPacket(id, version == MqttVersion.V5 ? [0, 0x11] : []) { Properties = Some(PacketType.UnsubAck) },
            8 => PingReqPacket.Instance,
            9 => PingRespPacket.Instance,
            10 => new DisconnectPacket(reason) { Properties = Some(PacketType.Disconnect) },
            11 when version == MqttVersion.V5 => new AuthPacket(reason) { Properties = Some(PacketType.Auth) },
            _ => new PublishPacket
            {
                Topic = System.Text.Encoding.UTF8.GetBytes(topic),
                Payload = bytes,
                Qos = qos,
                PacketId = qos > 0 ? id : (ushort)0,
                Duplicate = qos > 0 && one,
                Retain = two,
                Properties = Some(PacketType.Publish),
            },
        };
    }

    private static MqttProperties SomeProperties(PacketType type, Random random)
    {
        if (random.Next(3) == 0)
            return MqttProperties.None;
        var properties = new MqttProperties();
        foreach (var (id, (kind, packets)) in MqttProperties.Table)
        {
            if (!packets.Contains(type) || random.Next(2) == 0)
                continue;
            switch (kind)
            {
                case PropertyKind.Pair:
                    properties.User.Add(new("k", "v"));
                    properties.User.Add(new("k", ""));
                    break;
                case PropertyKind.Text:
                    properties.With(id, "some text");
                    break;
                case PropertyKind.Binary:
                    properties.With(id, [1, 2, 3]);
                    break;
                default:
                    properties.With(id, kind == PropertyKind.Bit ? (uint)random.Next(2) : kind == PropertyKind.Two ? (uint)random.Next(1, 65_536) : (uint)random.Next(1, 200_000_000));
                    break;
            }
        }
        return properties;
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index) => (Memory, RunningIndex) = (memory, index);

        public Segment Add(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
