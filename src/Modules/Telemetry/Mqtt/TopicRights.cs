using System.Text;
using Mobility.Contracts;
using Mobility.Platform.Mqtt;

namespace Mobility.Telemetry.Mqtt;

internal enum TopicKind
{
    Telemetry,
    Status,
    Events,
    Commands,
    Updates,
}

/// <summary>What one sender may publish and subscribe to. A vehicle has its own five topics and no other; an observer reads and never writes.</summary>
internal sealed class TopicRights
{
    private static readonly string[] Names = ["telemetry", "status", "events", "commands", "updates"];
    private readonly (TopicKind Kind, byte[] Topic)[] _publish;

    private TopicRights(VehicleId? vehicle, (TopicKind, byte[])[] publish) => (Vehicle, _publish) = (vehicle, publish);

    /// <summary>Null for an observer.</summary>
    public VehicleId? Vehicle { get; }

    public static TopicRights Of(VehicleId vehicle) => new(vehicle,
        [.. new[] { TopicKind.Telemetry, TopicKind.Status, TopicKind.Events }.Select(kind => (kind, Encoding.UTF8.GetBytes(Name(kind, vehicle))))]);

    public static TopicRights OfObserver() => new(null, []);

    public static string Name(TopicKind kind, VehicleId vehicle) => $"{Names[(int)kind]}/{vehicle}";

    /// <summary>The meaning of a topic that this sender may publish to; null for any other.</summary>
    public TopicKind? MayPublish(ReadOnlySpan<byte> topic)
    {
        foreach (var (kind, own) in _publish)
            if (topic.SequenceEqual(own))
                return kind;
        return null;
    }

    /// <summary>Whether this sender may subscribe, and to which of a vehicle's topics; the vehicle is null for those of all vehicles.</summary>
    public (ReasonCode Reason, TopicKind Kind, VehicleId? Vehicle) MaySubscribe(string filter)
    {
        if (filter.StartsWith("$share/", StringComparison.Ordinal))
            return (ReasonCode.SharedSubscriptionsNotSupported, default, null);
        var slash = filter.IndexOf('/', StringComparison.Ordinal);
        var kind = slash < 0 ? -1 : Array.IndexOf(Names, filter[..slash]);
        var rest = filter[(slash + 1)..];
        if (Vehicle is { } vehicle)
            return filter.AsSpan().ContainsAny('#', '+') ? (ReasonCode.WildcardSubscriptionsNotSupported, default, null)
                : kind is (int)TopicKind.Commands or (int)TopicKind.Status or (int)TopicKind.Updates && rest == vehicle.ToString() ? (ReasonCode.Success, (TopicKind)kind, vehicle)
                : (ReasonCode.NotAuthorized, default, null);
        if (kind is < 0 or (int)TopicKind.Commands or (int)TopicKind.Updates)
            return (ReasonCode.NotAuthorized, default, null);
        if (rest is "#" or "+")
            return (ReasonCode.Success, (TopicKind)kind, null);
        return VehicleId.TryParse(rest, null, out var one) ? (ReasonCode.Success, (TopicKind)kind, one) : (ReasonCode.TopicFilterInvalid, default, null);
    }
}
