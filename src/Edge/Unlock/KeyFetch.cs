namespace Mobility.Edge.Unlock;

/// <summary>
/// Fetches the keys of unlock tokens from the platform (<c>GET /v1/unlock-keys</c>) and keeps the last good set in a file, so that a vehicle that starts without
/// network still opens. The set is public; that it is the platform's is what TLS proves.
/// </summary>
internal static class KeyFetch
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // One for all agents of the process: it holds connections, not state.
    private static readonly HttpClient Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = Patience })
    {
        Timeout = Patience,
        MaxResponseContentBufferSize = SigningKeys.BytesMax,
    };

    /// <summary>Whether keys may be believed that come from there: over TLS, or from this machine.</summary>
    public static bool MayBelieve(Uri url) => url.IsAbsoluteUri && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback));

    /// <summary>The set of the file, if there is a good one.</summary>
    public static SigningKeys? Read(string file)
    {
        try
        {
            return File.Exists(file) ? SigningKeys.Parse(File.ReadAllText(file)) : null;
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            return null; // the platform has them again
        }
    }

    /// <summary>The set that the platform publishes, kept in the file; null and the reason when there is none to be had.</summary>
    public static async Task<(SigningKeys? Keys, string? Fault)> FetchAsync(Uri url, string file)
    {
        try
        {
            var text = await Http.GetStringAsync(url);
            var keys = SigningKeys.Parse(text);
            await File.WriteAllTextAsync(file + ".next", text);
            File.Move(file + ".next", file, overwrite: true);
            return (keys, null);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or FormatException or IOException or UnauthorizedAccessException)
        {
            return (null, e.Message);
        }
    }
}
