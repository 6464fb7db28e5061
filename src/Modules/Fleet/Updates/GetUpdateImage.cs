using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet.Updates;

/// <summary>
/// The bytes of an image, whole or a part (Range), so that a vehicle whose network breaks goes on where it was. Open to who knows the hash, which only a signed
/// manifest tells; it never changes.
/// </summary>
internal static class GetUpdateImage
{
    private const int HashLength = 64;

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/update-images/{sha256}", Handle).WithName("GetUpdateImage")
        .OpenToAll().LimitPerMinute("update-images", 600) // many vehicles may share the address of their mobile network
        .Produces(200, contentType: "application/octet-stream").Produces(206, contentType: "application/octet-stream").ProducesProblem(404).ProducesProblem(429);

    private static async Task<IResult> Handle(string sha256, Database<FleetModule> database, CancellationToken ct)
    {
        if (sha256.Length != HashLength || !sha256.All(char.IsAsciiHexDigit) || await StoreUpdateImage.SizeOfAsync(database, Convert.FromHexString(sha256), ct) is not { } size)
            return Problem.NotFound("fleet.no_such_image", "There is no such image.").ToResult();
        return TypedResults.Stream(new StoredImage(database, Convert.FromHexString(sha256), size), "application/octet-stream",
            entityTag: new EntityTagHeaderValue($"\"{sha256}\""), enableRangeProcessing: true);
    }

    /// <summary>Reads an image piece by piece: a slow vehicle holds neither a connection of the database nor the whole image in memory.</summary>
    private sealed class StoredImage(Database<FleetModule> database, byte[] sha256, long size) : Stream
    {
        private const int PieceBytes = 256 * 1024;
        private byte[] _piece = [];
        private long _pieceAt;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => size;

        public override long Position { get; set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position >= size || buffer.IsEmpty)
                return 0;
            if (Position < _pieceAt || Position >= _pieceAt + _piece.Length)
                (_piece, _pieceAt) = (await database.QuerySingleOrDefaultAsync<byte[]>(
                    "SELECT substring(image FROM @From FOR @For) FROM update_images WHERE sha256 = @sha256",
                    new { From = (int)Position + 1, For = PieceBytes, sha256 }, cancellationToken) ?? throw new IOException("The image is gone."), Position);
            var left = _piece.AsMemory((int)(Position - _pieceAt));
            var count = Math.Min(left.Length, buffer.Length);
            left[..count].CopyTo(buffer);
            Position += count;
            return count;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => Position + offset,
            _ => size + offset,
        };

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

/// <summary>The public keys by which vehicles check manifests, as a JSON web key set.</summary>
internal static class GetUpdateKeys
{
    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/update-keys", Handle).WithName("GetUpdateKeys").OpenToAll().Produces<GetUnlockKeys.View>();

    private static async Task<IResult> Handle(UpdateKeys keys, CancellationToken ct)
    {
        await keys.RefreshAsync(SigningKeyRing.RememberedFor, ct);
        return TypedResults.Ok(new GetUnlockKeys.View([.. keys.Published.Select(key => new GetUnlockKeys.KeyView(key.Kty, key.Crv, key.Alg, key.Use, key.Kid, key.X, key.Y))]));
    }
}
