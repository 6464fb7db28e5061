using System.Buffers;
using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Telemetry.Live;

/// <summary>
/// Server-sent events of what enters, leaves and moves in a box. A stream looks at its box again when the reader has taken what was sent, at most every
/// <see cref="LookEvery"/>, and sends the difference: so a slow reader gets fewer and larger steps, each vehicle's last state only, and nothing piles up.
/// </summary>
internal static class StreamVehicles
{
    public const double BoxDegreesMax = 0.5;

    /// <summary>Vehicles that one stream shows; of more, the others appear when there is room.</summary>
    public const int ShownMax = LiveSearch.FoundMax;

    /// <summary>Streams of one process.</summary>
    public const int StreamsMax = 2_000;

    public static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);
    public static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(15);

    private static int open;

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/vehicles/stream", Handle).WithName("StreamVehicles")
        .RequirePermission("vehicles.read").LimitPerMinute("vehicle-streams", 30)
        .Produces(200, contentType: "text/event-stream").ProducesProblem(400).ProducesProblem(403).ProducesProblem(503);

    /// <param name="box">south,west,north,east in degrees.</param>
    /// <param name="kind">Only this kind.</param>
    /// <param name="all">Also vehicles that are not rentable; for staff.</param>
    private static async Task Handle(string? box, string? kind, bool? all, HttpContext http, Caller caller, LiveFleetFeed feed, CancellationToken ct)
    {
        if (box is null || !BoxQuery.TryRead(box, BoxDegreesMax, out var area, out _, out _))
        {
            await Problems.WriteAsync(http, Problem.Invalid("request.invalid_field", BoxQuery.Rule(BoxDegreesMax), "box"));
            return;
        }
        VehicleKind wanted = default;
        if (kind is not null && !FindNearbyVehicles.KindWords.TryGetValue(kind, out wanted))
        {
            await Problems.WriteAsync(http, Problem.Invalid("request.invalid_field", FindNearbyVehicles.KindRule, "kind"));
            return;
        }
        if (all is true && !caller.May("fleet.read"))
        {
            await Problems.WriteAsync(http, Problem.Forbidden("telemetry.rentable_only", "Only staff see vehicles that cannot be rented."));
            return;
        }
        if (!await feed.WaitReadyAsync(ct))
        {
            await Problems.WriteAsync(http, LiveProblems.Loading);
            return;
        }
        try
        {
            if (Interlocked.Increment(ref open) > StreamsMax)
            {
                await Problems.WriteAsync(http, LiveProblems.TooManyStreams);
                return;
            }
            await SendAsync(http, feed.Fleet, area, LiveFilter.Of(all is not true, kind is null ? null : wanted, 0), ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // the reader went away
        }
        finally
        {
            Interlocked.Decrement(ref open);
        }
    }

    private static async Task SendAsync(HttpContext http, LiveFleet fleet, LiveBox area, LiveFilter filter, CancellationToken ct)
    {
        http.Response.ContentType = "text/event-stream; charset=utf-8";
        http.Response.Headers.CacheControl = "no-store";
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await http.Response.StartAsync(ct);
        var view = new BoxView(fleet, area, filter);
        var sentAt = Stopwatch.GetTimestamp();
        var seen = -1L;
        var stopping = http.RequestServices.GetService(typeof(Microsoft.Extensions.Hosting.IHostApplicationLifetime)) as Microsoft.Extensions.Hosting.IHostApplicationLifetime;
        while (!ct.IsCancellationRequested && stopping?.ApplicationStopping.IsCancellationRequested is not true)
        {
            var changes = fleet.Changes;
            var isNew = changes != seen;
            seen = changes;
            var written = isNew && view.Write(http.Response.BodyWriter);
            if (!written && Stopwatch.GetElapsedTime(sentAt) > SilenceMax)
            {
                http.Response.BodyWriter.Write(": still here\n\n"u8);
                written = true;
            }
            if (written)
            {
                await http.Response.BodyWriter.FlushAsync(ct); // waits while the reader does not take it
                sentAt = Stopwatch.GetTimestamp();
            }
            await Task.Delay(LookEvery, ct);
        }
    }

    /// <summary>What one reader has been told.</summary>
    internal sealed class BoxView(LiveFleet fleet, LiveBox area, LiveFilter filter)
    {
        private readonly LiveSearch _search = new(fleet);
        private readonly byte[] _text = new byte[LiveJson.VehicleBytesMax];
        private Dictionary<int, FoundVehicle> _shown = [];
        private Dictionary<int, FoundVehicle> _next = [];

        /// <summary>Writes the difference to what was written before; false when there is none.</summary>
        public bool Write(IBufferWriter<byte> to)
        {
            var written = false;
            _next.Clear();
            foreach (var vehicle in _search.Within(area, filter, ShownMax))
            {
                _next[vehicle.Slot] = vehicle;
                var isShown = _shown.Remove(vehicle.Slot, out var before);
                if (isShown && before == vehicle)
                    continue;
                to.Write(isShown ? "event: move\ndata: "u8 : "event: enter\ndata: "u8);
                to.Write(_text.AsSpan(0, LiveJson.WriteSeen(fleet, vehicle, _text)));
                to.Write("\n\n"u8);
                written = true;
            }
            foreach (var slot in _shown.Keys)
            {
                to.Write("event: leave\ndata: "u8);
                to.Write(fleet.TextOf(slot));
                to.Write("}\n\n"u8);
                written = true;
            }
            (_shown, _next) = (_next, _shown);
            return written;
        }
    }
}
