using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet.Updates;

/// <summary>Staff store an image under its hash, for releases that the platform hands out itself. Storing it again changes nothing.</summary>
internal static class StoreUpdateImage
{
    /// <summary>A row of the database; larger ones belong to a server of files, and the release names their address.</summary>
    public const int BytesMax = 32 * 1024 * 1024;

    public sealed record StoredView(string Sha256, long SizeBytes);

    /// <summary>The platform's usual limit is for JSON.</summary>
    private sealed record SizeLimit(long? MaxRequestBodySize) : IRequestSizeLimitMetadata;

    public static void Map(IEndpointRouteBuilder app) => app.MapPut("/v1/fleet/update-images/{sha256}", Handle).WithName("StoreUpdateImage")
        .RequirePermission("fleet.manage").WithMetadata(new SizeLimit(BytesMax)).Accepts<byte[]>("application/octet-stream")
        .Produces<StoredView>(201).ProducesProblem(400).ProducesProblem(413).ProducesProblem(422);

    public static async Task<long?> SizeOfAsync(Database<FleetModule> database, byte[] sha256, CancellationToken ct) =>
        await database.QuerySingleOrDefaultAsync<long?>("SELECT length(image)::bigint FROM update_images WHERE sha256 = @sha256", new { sha256 }, ct);

    private static async Task<IResult> Handle(string sha256, HttpContext http, Database<FleetModule> database, TimeProvider clock, CancellationToken ct)
    {
        using var read = new MemoryStream((int)Math.Min(http.Request.ContentLength ?? 0, BytesMax));
        await http.Request.Body.CopyToAsync(read, ct);
        var image = read.ToArray();
        var hash = SHA256.HashData(image);
        if (image.Length == 0 || !string.Equals(sha256, Convert.ToHexStringLower(hash), StringComparison.OrdinalIgnoreCase))
            return Problem.Unprocessable("fleet.image_wrong_hash", "The image is empty or not the one that the address names.", "sha256").ToResult();
        await database.ExecuteAsync("INSERT INTO update_images (sha256, image, stored_at) VALUES (@hash, @image, @now) ON CONFLICT (sha256) DO NOTHING",
            new { hash, image, now = clock.GetUtcNow() }, ct);
        return TypedResults.Json(new StoredView(Convert.ToHexStringLower(hash), image.Length), MobilityJson.Http, statusCode: StatusCodes.Status201Created);
    }
}
