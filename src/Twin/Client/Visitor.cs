namespace Mobility.Twin.Client;

/// <summary>Somebody who is signed in: keeps the access token fresh by the injected clock.</summary>
public sealed class Visitor
{
    /// <summary>A token is exchanged this long before it ends, because the clock may run on while a request is under way.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly TimeProvider _clock;
    private readonly Func<CancellationToken, Task<Answer<TokenReply>>> _signIn;
    private readonly Func<string, CancellationToken, Task<Answer<TokenReply>>>? _refresh;
    private string? _accessToken;
    private string? _refreshToken;
    private DateTimeOffset _endsAt;
    private Task<string>? _fetching;

    private Visitor(
        TimeProvider clock, Func<CancellationToken, Task<Answer<TokenReply>>> signIn, Func<string, CancellationToken, Task<Answer<TokenReply>>>? refresh) =>
        (_clock, _signIn, _refresh) = (clock, signIn, refresh);

    /// <summary>A person with a password.</summary>
    public static Visitor Person(PlatformClient client, TimeProvider clock, string email, string password) =>
        new(clock, ct => client.SignInAsync(email, password, ct), client.RefreshAsync);

    /// <summary>A token that is valid now and for a while.</summary>
    /// <exception cref="RefusedException">The platform gives none.</exception>
    public Task<string> TokenAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            if (_accessToken is { } ready && _clock.GetUtcNow() < _endsAt)
                return Task.FromResult(ready);
            // Whoever asks meanwhile gets the same: a refresh token may be used once.
            return _fetching is { IsCompleted: false } under ? under : _fetching = FetchAsync(ct);
        }
    }

    /// <summary>Forgets the token, so that the next one carries what the account may do by then.</summary>
    public void Forget()
    {
        lock (_gate)
            _accessToken = null;
    }

    private async Task<string> FetchAsync(CancellationToken ct)
    {
        var now = _clock.GetUtcNow();
        var answer = _refreshToken is { } refresh && _refresh is not null ? await _refresh(refresh, ct) : await _signIn(ct);
        if (answer is { Ok: false, Code: "invalid_grant" } && _refreshToken is not null)
            answer = await _signIn(ct); // was away for longer than a refresh token lives
        var reply = answer.Require("sign_in");
        lock (_gate)
        {
            _refreshToken = reply.RefreshToken;
            _endsAt = now + TimeSpan.FromSeconds(reply.ExpiresIn) - Margin;
            return _accessToken = reply.AccessToken;
        }
    }
}
