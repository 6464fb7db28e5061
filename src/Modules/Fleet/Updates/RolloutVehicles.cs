using System.Buffers.Binary;
using System.Security.Cryptography;
using Mobility.Contracts;
using Mobility.Platform.Events;

namespace Mobility.Fleet.Updates;

/// <summary>How far each vehicle of a rollout is.</summary>
internal static class RolloutVehicles
{
    /// <summary>The vehicles in the order in which they get a release: a hash of both, so that it is not always the same ones that try first, and every try of one release chooses alike.</summary>
    public static Guid[] InOrder(long version, IEnumerable<Guid> vehicles) => [.. vehicles.OrderBy(vehicle => Rank(version, vehicle)).ThenBy(vehicle => vehicle)];

    private static ulong Rank(long version, Guid vehicle)
    {
        Span<byte> bytes = stackalloc byte[24];
        BinaryPrimitives.WriteInt64BigEndian(bytes, version);
        vehicle.TryWriteBytes(bytes[8..], bigEndian: true, out _);
        return BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(bytes));
    }

    public static void Choose(Work work, RolloutId rollout, Guid[] inOrder) => work.Execute("""
        INSERT INTO rollout_vehicles (rollout, vehicle, place, state) SELECT $1, vehicle, place, 'chosen' FROM unnest($2::uuid[]) WITH ORDINALITY AS v(vehicle, place)
        """, rollout.Value, inOrder);

    public static async Task<WaveCounts> CountAsync(Database<FleetModule> database, Rollout rollout, DateTimeOffset now, CancellationToken ct)
    {
        var row = await database.QuerySingleOrDefaultAsync<(int Healthy, int Failed)>("""
            SELECT count(*) FILTER (WHERE state = 'applied' AND NOT silent AND applied_at <= @since)::int,
                count(*) FILTER (WHERE state = 'failed' OR (silent AND state IN ('offered', 'applied')))::int
            FROM rollout_vehicles WHERE rollout = @rollout AND place <= @Open
            """, new { rollout = rollout.Id.Value, rollout.Open, since = now - rollout.Plan.HealthyFor }, ct);
        return new WaveCounts(row.Healthy, row.Failed);
    }

    /// <summary>Vehicles of the open waves that have not been offered the release.</summary>
    public static Task<IReadOnlyList<Guid>> ToOfferAsync(Database<FleetModule> database, Rollout rollout, int limit, CancellationToken ct) => database.QueryAsync<Guid>("""
        SELECT vehicle FROM rollout_vehicles WHERE rollout = @rollout AND place <= @Open AND state = 'chosen' ORDER BY place LIMIT @limit
        """, new { rollout = rollout.Id.Value, rollout.Open, limit }, ct);

    /// <summary>Vehicles that have or may still install a release that was stopped.</summary>
    public static Task<IReadOnlyList<Guid>> ToRecallAsync(Database<FleetModule> database, Rollout rollout, int limit, CancellationToken ct) => database.QueryAsync<Guid>("""
        SELECT vehicle FROM rollout_vehicles WHERE rollout = @rollout AND state IN ('offered', 'applied') ORDER BY place LIMIT @limit
        """, new { rollout = rollout.Id.Value, limit }, ct);
}
