using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Telemetry.Provisioning;

/// <summary>Staff look at the boards that are expected, enrolled and revoked.</summary>
internal static class ListDevices
{
    public const int LimitMax = 200;
    public const int LimitDefault = 50;

    public sealed record DeviceView(
        string Serial, VehicleId Vehicle, string Proof, DateTimeOffset RegisteredAt, DateTimeOffset? EnrolledAt, DateTimeOffset? RevokedAt);

    /// <param name="Devices">In the order of their serials.</param>
    /// <param name="NextCursor">Send it as cursor for the next page; absent on the last.</param>
    public sealed record View(IReadOnlyList<DeviceView> Devices, string? NextCursor);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/device-identities", Handle).WithName("ListDevices")
        .RequirePermission("fleet.read").Produces<View>().ProducesProblem(400);

    private static async Task<IResult> Handle(VehicleId? vehicle, string? cursor, int? limit, Database<TelemetryModule> database, CancellationToken ct)
    {
        if (new Fields().Must(limit is null or (>= 1 and <= LimitMax), "limit", $"Send 1 to {LimitMax}.").Problem is { } problem)
            return problem.ToResult();
        var take = limit ?? LimitDefault;
        var devices = await Devices.ListAsync(database, vehicle, cursor, take + 1, ct);
        return TypedResults.Ok(new View([.. devices.Take(take).Select(ViewOf)], devices.Count > take ? devices[take - 1].Serial : null));
    }

    public static DeviceView ViewOf(Device device) =>
        new(device.Serial, device.Vehicle, device.KeyHash is null ? "secret" : "key", device.RegisteredAt, device.EnrolledAt, device.RevokedAt);
}

/// <summary>What happened to one device, newest first: who registered it, when it came, who was refused for it.</summary>
internal static class GetDeviceLog
{
    public sealed record EntryView(long Id, DateTimeOffset At, string What, string? Reason, string Actor);

    /// <param name="Device">As it is now.</param>
    /// <param name="Entries">Newest first.</param>
    /// <param name="Next">Send it as <c>before</c> for older ones; absent at the end.</param>
    public sealed record View(ListDevices.DeviceView Device, IReadOnlyList<EntryView> Entries, long? Next);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/device-identities/{serial}/log", Handle).WithName("GetDeviceLog")
        .RequirePermission("fleet.read").Produces<View>().ProducesProblem(400).ProducesProblem(404);

    private static async Task<IResult> Handle(string serial, long? before, int? limit, Database<TelemetryModule> database, CancellationToken ct)
    {
        if (new Fields().Must(limit is null or (>= 1 and <= ListDevices.LimitMax), "limit", $"Send 1 to {ListDevices.LimitMax}.").Problem is { } problem)
            return problem.ToResult();
        if (await Devices.FindAsync(database, serial, ct) is not { } device)
            return Problem.NotFound("telemetry.no_such_device", "No such device is registered.").ToResult();
        var take = limit ?? ListDevices.LimitDefault;
        var rows = await database.QueryAsync<Row>("""
            SELECT id, at, what, reason, actor FROM device_log WHERE serial = @serial AND id < coalesce(@before, 9223372036854775807) ORDER BY id DESC LIMIT @take
            """, new { serial, before, take }, ct);
        return TypedResults.Ok(new View(ListDevices.ViewOf(device), [.. rows.Select(row => new EntryView(row.Id, row.At, row.What, row.Reason, row.Actor))],
            rows.Count == take ? rows[^1].Id : null));
    }

    private sealed record Row
    {
        public required long Id { get; init; }
        public required DateTimeOffset At { get; init; }
        public required string What { get; init; }
        public string? Reason { get; init; }
        public required string Actor { get; init; }
    }
}
