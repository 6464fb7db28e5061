using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Mobility.Host;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;

namespace Mobility.Tests.Observability;

[ContractName("observed.noted.v1")]
internal sealed record NotedV1(string Text) : IContractEvent;

internal sealed record Remind(string Text) : IScheduledMessage;

internal abstract record NoteEvent;

internal sealed record NoteWritten(string Text) : NoteEvent;

internal sealed record Note(string Text);

/// <summary>The smallest module with a command, a reaction, a timeout and an asynchronous view; it stumbles over texts that it is told to stumble over.</summary>
internal sealed class ObservedModule : IModule
{
    public static readonly StreamType<Note, NoteEvent> Notes = new("note", new Note(""), (_, e) => new Note(((NoteWritten)e).Text),
        new EventCatalog<NoteEvent>().Add<NoteWritten>("note_written.v1"));

    public ConcurrentDictionary<string, bool> Stumbles { get; } = new();

    public ConcurrentQueue<(string Text, string? Trace)> Heard { get; } = new();

    public TestKeys Keys { get; } = new();

    public string Name => "observed";

    public IReadOnlyList<string> Needs { get; init; } = [];

    public void Configure(IModuleBuilder module)
    {
        module.Services.AddSingleton<ITokenKeys>(Keys);
        module.Stream(Notes);
        module.View(new View("note_list", ["note_list"], ["note"], Exact: false, (e, add) =>
            add("INSERT INTO note_list (id, text) VALUES ($1, $2)", e.Stream, ((NoteWritten)e.Event).Text)));
        module.Subscribe<NotedV1>("hear", async (noted, reaction, ct) =>
        {
            Stumble(noted.Text);
            await reaction.Services.GetRequiredService<Database<ObservedModule>>().QueryAsync<int>("SELECT 1", null, ct);
            reaction.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Mobility.Observed").LogWarning("Heard {MessageId}.", reaction.Message.Id);
            Heard.Enqueue((noted.Text, Activity.Current?.TraceId.ToString()));
        });
        module.Scheduled<Remind>("remind", (remind, _, _) =>
        {
            Stumble(remind.Text);
            return Task.CompletedTask;
        });
        module.Endpoints(app => app.MapPost("/v1/notes", (HttpContext http, Note note, CommandRunner<ObservedModule> runner, CancellationToken ct) =>
            runner.RunAsync(http, new Caller(Guid.Empty, CallerKind.Service, new HashSet<string>(), "test"), (work, _) =>
            {
                var id = Id.NewValue(work.Clock);
                work.StartNew(Notes, id);
                work.Append(Notes, id, new NoteWritten(note.Text));
                work.Publish(id, new NotedV1(note.Text));
                if (note.Text.StartsWith("remind", StringComparison.Ordinal))
                    work.Schedule(work.Now, id, new Remind(note.Text));
                return Task.FromResult(Outcome.Created(new { id }));
            }, ct)).OpenToAll().WithName("WriteNote"));
    }

    private void Stumble(string text)
    {
        if (Stumbles.ContainsKey(text))
            throw new InvalidOperationException("stumbled over rider@example.com on purpose");
    }
}

/// <summary>A key pair and the tokens it signs.</summary>
internal sealed class TestKeys : ITokenKeys
{
    private readonly ECDsaSecurityKey _key = new(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = "test" };

    public Task<IReadOnlyList<SecurityKey>> GetAsync(string? unknownKeyId, CancellationToken ct) => Task.FromResult<IReadOnlyList<SecurityKey>>([_key]);

    public string TokenFor(DateTimeOffset now, params string[] permissions) => new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
    {
        Issuer = TokenVerifier.Issuer,
        Audience = TokenVerifier.Audience,
        IssuedAt = now.UtcDateTime,
        NotBefore = now.UtcDateTime,
        Expires = now.UtcDateTime.AddDays(365),
        Subject = new ClaimsIdentity([
            new Claim("sub", Guid.CreateVersion7(now).ToString()),
            new Claim(TokenVerifier.KindClaim, "staff"),
            new Claim(TokenVerifier.ScopeClaim, string.Join(' ', permissions)),
        ]),
        SigningCredentials = new SigningCredentials(_key, SecurityAlgorithms.EcdsaSha256),
    });
}

/// <summary>A process that runs the observed module on a database of its own.</summary>
public class ObservedFixture : IAsyncLifetime
{
    private MobilityApp? _app;

    internal ObservedModule Module { get; } = new();

    public TestClock Clock { get; } = new();

    public MobilityApp App => _app!;

    public string ConnectionString { get; private set; } = "";

    public HttpClient Http { get; private set; } = new();

    /// <summary>A client with every permission of an operator.</summary>
    public HttpClient Operator { get; private set; } = new();

    protected virtual Dictionary<string, string?> Settings { get; } = new()
    {
        ["Logging:LogLevel:Default"] = "Critical",
        ["Database:PoolSize"] = "6",
        ["Identity:KeyProtection"] = "very secret",
        ["RateLimits:bookings"] = "33",
    };

    public async Task InitializeAsync()
    {
        ConnectionString = await TestPostgres.CreateDatabaseAsync(null);
        _app = MobilityApp.Create(new MobilityAppOptions { ConnectionString = ConnectionString, Clock = Clock, AllModules = [Module], Settings = Settings });
        await _app.MigrateAsync(CancellationToken.None);
        await ExecuteAsync("SET ROLE mobility_observed; CREATE TABLE observed.note_list (id uuid PRIMARY KEY, text text); RESET ROLE");
        await _app.StartAsync(CancellationToken.None);
        Http = NewClient(null);
        Operator = NewClient(Module.Keys.TokenFor(Clock.GetUtcNow(), "ops.read", "ops.manage"));
    }

    public async Task DisposeAsync()
    {
        Http.Dispose();
        Operator.Dispose();
        await App.DisposeAsync();
    }

    public HttpClient NewClient(string? token)
    {
        var client = new HttpClient { BaseAddress = new Uri(App.Address) };
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var source = Npgsql.NpgsqlDataSource.Create(ConnectionString);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<long> CountAsync(string sql)
    {
        await using var source = Npgsql.NpgsqlDataSource.Create(ConnectionString);
        await using var command = source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
