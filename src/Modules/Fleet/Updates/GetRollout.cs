using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet.Updates;

/// <summary>Staff see how far a rollout is, and which vehicles failed.</summary>
internal static class GetRollout
{
    /// <summary>Failed vehicles that are named.</summary>
    public const int FailedMax = 100;

    public static Problem NotFound => Problem.NotFound("fleet.no_such_rollout", "There is no such rollout.");

    public sealed record FailedView(VehicleId Vehicle, string? Reason);

    /// <param name="Id">The rollout.</param>
    /// <param name="Version">Of the release.</param>
    /// <param name="Phase">Running, stopped or completed.</param>
    /// <param name="Percent">Of the wave that is open.</param>
    /// <param name="Vehicles">All that were chosen.</param>
    /// <param name="Reason">Why it was stopped: <c>too_many_failed</c>, <c>not_enough_healthy</c> or <c>by_staff</c>.</param>
    /// <param name="States">How many vehicles are chosen, offered, applied, failed, recalled and returned.</param>
    /// <param name="Silent">Of those that were offered the release, not heard of since.</param>
    /// <param name="Failed">The first of those that failed.</param>
    public sealed record View(
        RolloutId Id, long Version, RolloutPhase Phase, int Percent, int Vehicles, string? Reason, IReadOnlyDictionary<string, int> States, int Silent,
        IReadOnlyList<FailedView> Failed);

    private sealed record CountRow(string State, int Vehicles, int Silent);

    private sealed record FailedRow(Guid Vehicle, string? Reason);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/fleet/rollouts/{id}", Handle).WithName("GetRollout")
        .RequirePermission("fleet.read").Produces<View>().ProducesProblem(404);

    private static async Task<IResult> Handle(RolloutId id, Database<FleetModule> database, CancellationToken ct)
    {
        var rollout = (await EventStreams.LoadAsync(database, RolloutStream.Type, id.Value, ct)).State;
        if (rollout.Phase == RolloutPhase.None)
            return NotFound.ToResult();
        var counts = await database.QueryAsync<CountRow>("""
            SELECT state, count(*)::int AS vehicles, count(*) FILTER (WHERE silent)::int AS silent FROM rollout_vehicles WHERE rollout = @Value GROUP BY state ORDER BY state LIMIT 10
            """, new { id.Value }, ct);
        var failed = await database.QueryAsync<FailedRow>(
            "SELECT vehicle, reason FROM rollout_vehicles WHERE rollout = @Value AND state = 'failed' ORDER BY place LIMIT @FailedMax", new { id.Value, FailedMax }, ct);
        return TypedResults.Ok(new View(id, rollout.Version, rollout.Phase, rollout.Percent, rollout.Vehicles, rollout.Reason,
            counts.ToDictionary(row => row.State, row => row.Vehicles), counts.Sum(row => row.Silent), [.. failed.Select(row => new FailedView(new VehicleId(row.Vehicle), row.Reason))]));
    }
}

/// <summary>The rollouts, newest first.</summary>
internal static class ListRollouts
{
    public const int LimitMax = 200;

    public sealed record RolloutView(
        RolloutId Id, long Version, CityId? City, VehicleTypeId? Type, RolloutPhase Phase, int Percent, int Vehicles, string? Reason, DateTimeOffset StartedAt,
        DateTimeOffset? EndedAt);

    /// <param name="Rollouts">Newest first.</param>
    /// <param name="NextCursor">Send it as cursor for older ones; absent at the end.</param>
    public sealed record View(IReadOnlyList<RolloutView> Rollouts, RolloutId? NextCursor);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/fleet/rollouts", Handle).WithName("ListRollouts")
        .RequirePermission("fleet.read").Produces<View>().ProducesProblem(400);

    private static async Task<IResult> Handle(RolloutId? cursor, int? limit, Database<FleetModule> database, CancellationToken ct)
    {
        if (new Fields().Must(limit is null or (>= 1 and <= LimitMax), "limit", $"Send 1 to {LimitMax}.").Problem is { } problem)
            return problem.ToResult();
        var take = limit ?? 50;
        var rows = await database.QueryAsync<Row>("""
            SELECT id, version, city, type, phase, percent, vehicles, reason, started_at, ended_at FROM update_rollouts WHERE id < coalesce(@before::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            ORDER BY id DESC LIMIT @take
            """, new { before = cursor?.Value, take = take + 1 }, ct);
        return TypedResults.Ok(new View([.. rows.Take(take).Select(row => row.ToView())], rows.Count > take ? new RolloutId(rows[take - 1].Id) : null));
    }

    private sealed record Row
    {
        public required Guid Id { get; init; }
        public required long Version { get; init; }
        public string? City { get; init; }
        public string? Type { get; init; }
        public required string Phase { get; init; }
        public required int Percent { get; init; }
        public required int Vehicles { get; init; }
        public string? Reason { get; init; }
        public required DateTimeOffset StartedAt { get; init; }
        public DateTimeOffset? EndedAt { get; init; }

        public RolloutView ToView() => new(new RolloutId(Id), Version, City is null ? null : new CityId(City), Type is null ? null : new VehicleTypeId(Type),
            Words<RolloutPhase>.Parse(Phase), Percent, Vehicles, Reason, StartedAt, EndedAt);
    }
}
