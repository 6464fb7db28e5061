using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Mobility.Edge.Updates;

/// <summary>
/// Fetches the image of a manifest that was verified before. What is there when the network breaks stays, and the next try goes on behind it. The file gets its
/// name only when size and hash are the manifest's.
/// </summary>
internal static class UpdateDownload
{
    private static readonly TimeSpan ConnectWithin = TimeSpan.FromSeconds(10);

    /// <summary>Silence after which a try is given up; the whole may take as long as a slow network needs.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(30);

    // One for all agents of the process: it holds connections, not state.
    private static readonly HttpClient Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = ConnectWithin })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>Whether the image is there now; if not, why, and whether the server gave something that is not the image.</summary>
    public static async Task<(bool IsThere, bool IsWrong, string? Fault)> FetchAsync(Uri from, UpdateManifest manifest, string file, CancellationToken ct)
    {
        var part = $"{file}.{manifest.Sha256}.part";
        try
        {
            foreach (var other in Directory.GetFiles(Path.GetDirectoryName(file)!, $"{Path.GetFileName(file)}.*.part"))
                if (other != part)
                    File.Delete(other); // of a version that nobody wants any more
            await AppendAsync(from, manifest, part, ct);
            var left = manifest.SizeBytes - new FileInfo(part).Length;
            if (left > 0)
                return (false, false, "cut_off");
            if (left == 0 && await HashAsync(part, ct) == manifest.Sha256)
            {
                File.Move(part, file, overwrite: true);
                return (true, false, null);
            }
            File.Delete(part);
            return (false, true, left < 0 ? "image_wrong_size" : "image_wrong_hash");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            return (false, false, e.Message);
        }
    }

    private static async Task AppendAsync(Uri from, UpdateManifest manifest, string part, CancellationToken ct)
    {
        await using var file = new FileStream(part, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        if (file.Length >= manifest.SizeBytes)
            return;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(SilenceMax);
        using var request = new HttpRequestMessage(HttpMethod.Get, from);
        if (file.Length > 0)
            request.Headers.Range = new RangeHeaderValue(file.Length, null);
        using var reply = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
        reply.EnsureSuccessStatusCode();
        if (reply.StatusCode == HttpStatusCode.PartialContent)
            file.Seek(0, SeekOrigin.End);
        else
            file.SetLength(0); // a server that knows no parts begins again
        await using var image = await reply.Content.ReadAsStreamAsync(patience.Token);
        var chunk = new byte[64 * 1024];
        int read;
        while ((read = await image.ReadAsync(chunk, patience.Token)) > 0)
        {
            patience.CancelAfter(SilenceMax);
            await file.WriteAsync(chunk.AsMemory(0, read), patience.Token);
            if (file.Position > manifest.SizeBytes)
                break; // more than was signed: it fills no disk
        }
        file.Flush(flushToDisk: true);
    }

    private static async Task<string> HashAsync(string file, CancellationToken ct)
    {
        await using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, ct));
    }
}
