using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Telemetry;

/// <summary>An operator reads the messages of vehicles that broke a rule, newest first.</summary>
internal static class ListQuarantine
{
    public const int LimitMax = 200;

    /// <param name="Payload">As text; bytes that are no UTF-8 become replacement characters.</param>
    public sealed record MessageView(long Id, VehicleId Vehicle, string Topic, string Reason, string Payload, DateTimeOffset ReceivedAt);

    /// <param name="Next">Send it as <c>before</c> for older ones; null at the end.</param>
    public sealed record View(IReadOnlyList<MessageView> Messages, long? Next);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/telemetry/quarantine", Handle).WithName("ListQuarantine")
        .RequirePermission("ops.read").Produces<View>().ProducesProblem(400);

    private static async Task<IResult> Handle(VehicleId? vehicle, string? reason, long? before, int? limit, Database<TelemetryModule> database, CancellationToken ct)
    {
        if (new Fields().Must(limit is null or (>= 1 and <= LimitMax), "limit", $"Send 1 to {LimitMax}.").Problem is { } problem)
            return problem.ToResult();
        var take = limit ?? 50;
        var rows = await database.QueryAsync<Row>("""
            SELECT id, vehicle, topic, reason, payload, received_at FROM quarantine
            WHERE id < coalesce(@before, 9223372036854775807) AND (@vehicle::uuid IS NULL OR vehicle = @vehicle) AND (@reason::text IS NULL OR reason = @reason)
            ORDER BY id DESC LIMIT @take
            """, new { before, vehicle = vehicle?.Value, reason, take }, ct);
        return TypedResults.Ok(new View(
            [.. rows.Select(r => new MessageView(r.Id, new VehicleId(r.Vehicle), r.Topic, r.Reason, Encoding.UTF8.GetString(r.Payload), r.ReceivedAt))],
            rows.Count == take ? rows[^1].Id : null));
    }

    private sealed record Row
    {
        public required long Id { get; init; }
        public required Guid Vehicle { get; init; }
        public required string Topic { get; init; }
        public required string Reason { get; init; }
        public required byte[] Payload { get; init; }
        public required DateTimeOffset ReceivedAt { get; init; }
    }
}
