using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Telemetry.Live;

/// <summary>
/// Vehicles that a rider may take now, nearest first (requirement BKG-1), from memory. The query is read and the answer written without intermediate objects:
/// beside a bare endpoint of the same server the search may cost little more than its bytes.
/// </summary>
internal static class FindNearbyVehicles
{
    public const int RadiusMetersMax = 5_000;
    public const int RadiusMetersDefault = 1_000;
    public const int LimitMax = 50;
    public const int LimitDefault = 20;

    /// <summary>Widest box, in degrees either way: a large city.</summary>
    public const double BoxDegreesMax = 1;

    /// <summary>For the API document only; the query is read by hand.</summary>
    public sealed record Reply(IReadOnlyList<Vehicle> Vehicles);

    /// <summary>One vehicle; the distance is from lat and lon, or from the middle of the box.</summary>
    public sealed record Vehicle(
        VehicleId Id, string Label, CityId City, VehicleTypeId Type, VehicleKind Kind, GeoPoint Position, int StateOfChargePercent, int RangeMeters, int DistanceMeters);

    /// <summary>What is asked for.</summary>
    public readonly record struct Wish(
        PackedPoint Center, double RadiusMeters, LiveBox? Box, VehicleKind? Kind, int MinimumCharge, int MinimumRangeMeters, string? Type, int Limit);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/vehicles/nearby", (Delegate)Handle).WithName("FindNearbyVehicles")
        .RequirePermission("vehicles.read").LimitPerMinute("nearby", 120)
        .Produces<Reply>().ProducesProblem(400).ProducesProblem(503);

    internal static Task Handle(HttpContext http)
    {
        if (Read(http.Request.QueryString.Value, out var wish) is { } problem)
            return problem.ToResult().ExecuteAsync(http);
        var live = http.RequestServices.GetRequiredService<LiveFleetFeed>();
        return live.IsReady ? WriteAsync(http, live.Fleet, wish) : WriteWhenReadyAsync(http, live, wish);
    }

    private static async Task WriteWhenReadyAsync(HttpContext http, LiveFleetFeed live, Wish wish) =>
        await (await live.WaitReadyAsync(http.RequestAborted) ? WriteAsync(http, live.Fleet, wish) : Problems.WriteAsync(http, LiveProblems.Loading));

    /// <summary>Searches and answers; no thread waits and nothing is allocated but what the server itself needs.</summary>
    internal static Task WriteAsync(HttpContext http, LiveFleet fleet, in Wish wish)
    {
        var length = Answer(fleet, wish, out var bytes);
        var response = http.Response;
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = length;
        response.BodyWriter.Write(bytes.AsSpan(0, length));
        return Task.CompletedTask; // the server flushes what is complete
    }

    /// <summary>The answer's bytes, in memory of this thread that the next answer overwrites.</summary>
    internal static int Answer(LiveFleet fleet, in Wish wish, out byte[] bytes)
    {
        var desk = Desk.Of(fleet);
        var filter = LiveFilter.Of(onlyRentable: true, wish.Kind, wish.MinimumCharge).With(fleet.Classes, wish.Type, wish.MinimumRangeMeters);
        var found = desk.Search.Nearest(wish.Center, wish.RadiusMeters, filter, wish.Limit, wish.Box);
        bytes = desk.Bytes;
        return LiveJson.Write(fleet, found, bytes);
    }

    /// <summary>A thread's own search and room for its answer.</summary>
    private sealed class Desk(LiveFleet fleet)
    {
        [ThreadStatic]
        private static Desk? own;

        public LiveSearch Search { get; } = new(fleet);

        public byte[] Bytes { get; } = new byte[LimitMax * LiveJson.VehicleBytesMax + 32];

        private LiveFleet Fleet { get; } = fleet;

        public static Desk Of(LiveFleet fleet) => own is { } desk && desk.Fleet == fleet ? desk : own = new Desk(fleet);
    }

    /// <summary>Reads the query. Empty values count as absent; of repeated names the last counts.</summary>
    internal static Problem? Read(string? query, out Wish wish)
    {
        double? latitude = null, longitude = null;
        int? radius = null, minimumCharge = null, minimumRange = null, limit = null;
        string? kind = null, type = null, box = null;
        wish = default;
        foreach (var pair in new Pairs(query))
        {
            var name = pair.Name;
            var value = pair.Value;
            if (value.IsEmpty)
                continue;
            var known = name switch
            {
                "lat" => TryRead(value, out latitude),
                "lon" => TryRead(value, out longitude),
                "radius" => TryRead(value, out radius),
                "limit" => TryRead(value, out limit),
                "minStateOfCharge" => TryRead(value, out minimumCharge),
                "minRange" => TryRead(value, out minimumRange),
                "kind" => (kind = value.ToString()) is not null,
                "type" => (type = value.ToString()) is not null,
                "box" => (box = value.ToString()) is not null,
                _ => true,
            };
            if (!known)
                return Problem.Invalid("request.invalid_parameter", "A parameter is missing or has the wrong form.", name.ToString());
        }
        if (box is null && (latitude is null || longitude is null))
            return LiveProblems.LocationRequired(latitude is null ? "lat" : "lon");
        LiveBox area = default;
        GeoPoint middle = default;
        VehicleKind wanted = default;
        var reach = (double)(radius ?? RadiusMetersDefault);
        var fields = new Fields()
            .Must(box is null || BoxQuery.TryRead(box, BoxDegreesMax, out area, out middle, out reach), "box", BoxQuery.Rule(BoxDegreesMax))
            .Must(latitude is null || GeoPoint.TryCreate(latitude.Value, longitude ?? 0, out middle), "lat", "lat is -90 to 90 and lon -180 to 180.")
            .Must(radius is null or (>= 1 and <= RadiusMetersMax), "radius", $"Send 1 to {RadiusMetersMax} meters.")
            .Must(kind is null || KindWords.TryGetValue(kind, out wanted), "kind", KindRule)
            .Must(type is null || TextId.TryParse<VehicleTypeId>(type, out _), "type", "Send the id of a vehicle type.")
            .Must(minimumCharge is null or (>= 0 and <= 100), "minStateOfCharge", "Send 0 to 100.")
            .Must(minimumRange is null or (>= 0 and <= 10_000_000), "minRange", "Send 0 to 10000000 meters.")
            .Must(limit is null or (>= 1 and <= LimitMax), "limit", $"Send 1 to {LimitMax}.");
        if (fields.Problem is { } problem)
            return problem;
        if (box is not null)
        {
            // From a place that is not the box's middle it is farther to its corners.
            BoxQuery.TryRead(box, BoxDegreesMax, out _, out var center, out _);
            reach = Math.Min(reach + center.DistanceMetersTo(middle), radius ?? double.PositiveInfinity);
        }
        wish = new Wish(PackedPoint.Of(middle), reach, box is null ? null : area, kind is null ? null : wanted, minimumCharge ?? 0, minimumRange ?? 0, type,
            limit ?? LimitDefault);
        return null;
    }

    internal static readonly Dictionary<string, VehicleKind> KindWords = Enum.GetValues<VehicleKind>().ToDictionary(Words.Of, StringComparer.Ordinal);

    internal static readonly string KindRule = $"Send one of: {string.Join(", ", KindWords.Keys.Order(StringComparer.Ordinal))}.";

    private static bool TryRead(ReadOnlySpan<char> value, out double? number)
    {
        var good = double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var read);
        number = read;
        return good;
    }

    private static bool TryRead(ReadOnlySpan<char> value, out int? number)
    {
        var good = int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out var read);
        number = read;
        return good;
    }

    /// <summary>The names and values of a query, unescaped only where they are escaped.</summary>
    internal ref struct Pairs(string? query)
    {
        private ReadOnlySpan<char> _rest = query is null ? default : query.AsSpan().TrimStart('?');

        public ReadOnlySpan<char> Name { get; private set; }

        public ReadOnlySpan<char> Value { get; private set; }

        public readonly Pairs Current => this;

        public readonly Pairs GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_rest.IsEmpty)
                return false;
            var end = _rest.IndexOf('&');
            var pair = end < 0 ? _rest : _rest[..end];
            _rest = end < 0 ? default : _rest[(end + 1)..];
            var equals = pair.IndexOf('=');
            Name = Plain(equals < 0 ? pair : pair[..equals]);
            Value = equals < 0 ? default : Plain(pair[(equals + 1)..]);
            return true;
        }

        private static ReadOnlySpan<char> Plain(ReadOnlySpan<char> text) =>
            text.IndexOfAny('%', '+') < 0 ? text : Uri.UnescapeDataString(text.ToString().Replace('+', ' '));
    }
}
