using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet.Updates;

/// <summary>
/// Staff publish a release: an image that was stored here before, or one at another address. Versions only go up, on the platform as on the vehicle. No vehicle
/// hears of it before a rollout begins.
/// </summary>
internal static class PublishUpdate
{
    public const int NotesLengthMax = 2_000;

    /// <summary>What a vehicle would download at most.</summary>
    public const long SizeBytesMax = 256L * 1024 * 1024;

    private const int HashLength = 64;

    /// <param name="Version">Higher than any before.</param>
    /// <param name="Sha256">Of the image, 64 hexadecimal digits.</param>
    /// <param name="SizeBytes">Of the image.</param>
    /// <param name="Url">Where the image is, https; absent for one that was stored here.</param>
    /// <param name="Notes">For people.</param>
    public sealed record Body(long Version, string Sha256, long SizeBytes, string? Url = null, string? Notes = null);

    /// <param name="Version">Of the release.</param>
    /// <param name="Manifest">As a vehicle is given it, signed with the key of this moment.</param>
    /// <param name="Url">Where the image is.</param>
    public sealed record PublishedView(long Version, string Manifest, string Url);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/fleet/updates", Handle).WithName("PublishUpdate")
        .RequirePermission("fleet.manage").Produces<PublishedView>(201).ProducesProblem(400).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(
        Body body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, Database<FleetModule> database, UpdateManifests manifests, CancellationToken ct)
    {
        var fields = new Fields()
            .Must(body.Version >= 1, "version", "Send 1 or more.")
            .Must(body.Sha256.Length == HashLength && body.Sha256.All(char.IsAsciiHexDigit), "sha256", $"Send {HashLength} hexadecimal digits.")
            .Must(body.SizeBytes is >= 1 and <= SizeBytesMax, "sizeBytes", $"Send 1 to {SizeBytesMax}.")
            .Must(body.Url is null || (Uri.TryCreate(body.Url, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps), "url", "Send an https address.")
            .Must(body.Notes is null or { Length: <= NotesLengthMax }, "notes", $"Send at most {NotesLengthMax} characters.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        var release = new Release(body.Version, Convert.FromHexString(body.Sha256), body.SizeBytes, body.Url);
        if (body.Url is null && await StoreUpdateImage.SizeOfAsync(database, release.Sha256, ct) != body.SizeBytes)
            return Problem.Unprocessable("fleet.image_not_stored", "No image of this hash and size is stored here.", "sha256").ToResult();
        var offer = await manifests.OfferAsync(release, ct);
        return await runner.RunAsync(http, caller, (work, _) =>
        {
            work.Serialize("fleet releases"); // two that publish at once see each other
            work.ExecuteOrRefuse("update_is_newer", """
                INSERT INTO update_releases (version, sha256, size_bytes, url, notes, published_at, published_by)
                SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT FROM update_releases WHERE version >= $1) RETURNING 1
                """, () => Problem.Conflict("fleet.update_not_newer", "There is a release of this version or a higher one."),
                release.Version, release.Sha256, release.SizeBytes, release.Url, body.Notes ?? "", work.Now, caller.Actor);
            work.Publish(Id.NewValue(work.Clock), new UpdatePublishedV1(release.Version, release.Hash, release.SizeBytes, work.Now));
            return Task.FromResult(Outcome.Created(new PublishedView(offer.Version, offer.Manifest, offer.Url!)));
        }, ct);
    }
}

/// <summary>The releases, newest first.</summary>
internal static class ListUpdates
{
    public const int LimitMax = 200;

    public sealed record ReleaseView(long Version, string Sha256, long SizeBytes, string? Url, string Notes, DateTimeOffset PublishedAt, string PublishedBy);

    /// <param name="Releases">Newest first.</param>
    /// <param name="Next">Send it as <c>before</c> for older ones; absent at the end.</param>
    public sealed record View(IReadOnlyList<ReleaseView> Releases, long? Next);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/fleet/updates", Handle).WithName("ListUpdates")
        .RequirePermission("fleet.read").Produces<View>().ProducesProblem(400);

    private static async Task<IResult> Handle(long? before, int? limit, Database<FleetModule> database, CancellationToken ct)
    {
        if (new Fields().Must(limit is null or (>= 1 and <= LimitMax), "limit", $"Send 1 to {LimitMax}.").Problem is { } problem)
            return problem.ToResult();
        var take = limit ?? 50;
        var rows = await database.QueryAsync<Row>("""
            SELECT version, sha256, size_bytes, url, notes, published_at, published_by FROM update_releases WHERE version < coalesce(@before, 9223372036854775807)
            ORDER BY version DESC LIMIT @take
            """, new { before, take }, ct);
        return TypedResults.Ok(new View([.. rows.Select(r => new ReleaseView(
            r.Version, Convert.ToHexStringLower(r.Sha256), r.SizeBytes, r.Url, r.Notes, r.PublishedAt, r.PublishedBy))], rows.Count == take ? rows[^1].Version : null));
    }

    private sealed record Row
    {
        public required long Version { get; init; }
        public required byte[] Sha256 { get; init; }
        public required long SizeBytes { get; init; }
        public string? Url { get; init; }
        public required string Notes { get; init; }
        public required DateTimeOffset PublishedAt { get; init; }
        public required string PublishedBy { get; init; }
    }
}
