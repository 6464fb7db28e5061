using System.Buffers.Text;
using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Platform.Modules;

namespace Mobility.Host;

/// <summary>How far reactions and views are behind.</summary>
internal sealed record LagView(DateTimeOffset At, IReadOnlyList<LagLine> Items);

/// <summary>A page of parked messages; <paramref name="Next"/> is the cursor of the page after it.</summary>
internal sealed record ParkedPage(IReadOnlyList<ParkedMessage> Items, string? Next);

/// <summary>How many events a view was rebuilt from.</summary>
internal sealed record RebuiltView(long Events);

/// <summary>What operators do with the bus and the views of this process's modules: see lags, see parked messages, send them on. Nothing can be discarded.</summary>
internal static partial class Operations
{
    public const string Document = "operations";
    public const int LimitDefault = 50;
    public const int LimitMax = 200;
    private const int CursorLengthMax = 500;
    private static readonly SemaphoreSlim OneRebuild = new(1);

    public static void Map(IEndpointRouteBuilder app, IReadOnlyList<ModuleDefinition> modules)
    {
        var group = app.MapGroup("/v1/ops").WithGroupName(Document).WithTags(Document);
        group.MapGet("/lag", (IServiceProvider services, TimeProvider clock, CancellationToken ct) => GetLagAsync(modules, services, clock, ct))
            .RequirePermission("ops.read").WithName("GetLag");
        group.MapGet("/parked", (string? cursor, int? limit, IServiceProvider services, CancellationToken ct) =>
                ListParkedAsync(modules, cursor, limit ?? LimitDefault, services, ct))
            .RequirePermission("ops.read").WithName("ListParkedMessages").Produces<ParkedPage>().ProducesProblem(400);
        group.MapPost("/parked/{module}/{subscription}/{messageId:guid}/replay",
                (string module, string subscription, Guid messageId, Caller caller, IServiceProvider services, CancellationToken ct) =>
                    ReplayAsync(modules, module, subscription, messageId, caller, services, ct))
            .RequirePermission("ops.manage").WithName("ReplayParkedMessage").Produces(StatusCodes.Status202Accepted).ProducesProblem(404);
        group.MapPost("/views/{module}/{view}/rebuild", (string module, string view, Caller caller, IServiceProvider services, CancellationToken ct) =>
                RebuildAsync(modules, module, view, caller, services, ct))
            .RequirePermission("ops.manage").WithName("RebuildView").Produces<RebuiltView>().ProducesProblem(404).ProducesProblem(409);
    }

    private static async Task<Ok<LagView>> GetLagAsync(
        IReadOnlyList<ModuleDefinition> modules, IServiceProvider services, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var lines = new List<LagLine>();
        foreach (var module in modules)
            lines.AddRange(await LagReport.ReadAsync(module, DatabaseOf(services, module), now, ct));
        return TypedResults.Ok(new LagView(now, lines));
    }

    private static async Task<IResult> ListParkedAsync(
        IReadOnlyList<ModuleDefinition> modules, string? cursor, int limit, IServiceProvider services, CancellationToken ct)
    {
        var place = cursor is null ? new Place("", "", "", Guid.Empty) : Place.TryRead(cursor);
        if (new Fields().Must(limit is >= 1 and <= LimitMax, "limit", $"Send 1 to {LimitMax}.")
                .Must(place is not null, "cursor", "Send the cursor of the page before, or none.").Problem is { } problem)
            return problem.ToResult();
        var items = new List<ParkedMessage>();
        foreach (var module in modules.Where(m => string.CompareOrdinal(m.Module, place!.Module) >= 0).OrderBy(m => m.Module, StringComparer.Ordinal))
        {
            var after = module.Module == place!.Module ? (place.Kind, place.Subscription, place.MessageId) : ("", "", Guid.Empty);
            items.AddRange(await ParkedMessages.ListAsync(DatabaseOf(services, module), after, limit + 1 - items.Count, ct));
            if (items.Count > limit)
                break;
        }
        var page = items.Take(limit).ToArray();
        return TypedResults.Ok(new ParkedPage(page, items.Count > limit ? Place.Of(page[^1]).Write() : null));
    }

    private static async Task<IResult> ReplayAsync(
        IReadOnlyList<ModuleDefinition> modules, string module, string subscription, Guid messageId, Caller caller, IServiceProvider services, CancellationToken ct)
    {
        if (modules.FirstOrDefault(m => m.Module == module) is not { } definition)
            return NoSuchModule(module).ToResult();
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        if (!await ParkedMessages.ReplayAsync(DatabaseOf(services, definition), services.GetRequiredService<Signals>(), subscription, messageId, now, ct))
            return Problem.NotFound("ops.not_parked", "No such message is parked: it was sent on already, or never failed.").ToResult();
        LogReplayed(services.GetRequiredService<ILoggerFactory>().CreateLogger("Mobility.Operations"), caller.Actor, subscription, messageId);
        return TypedResults.Accepted((string?)null);
    }

    /// <summary>The answer comes when the view is rebuilt; a caller who leaves before that leaves the old rows as they were.</summary>
    private static async Task<IResult> RebuildAsync(
        IReadOnlyList<ModuleDefinition> modules, string module, string view, Caller caller, IServiceProvider services, CancellationToken ct)
    {
        if (modules.FirstOrDefault(m => m.Module == module) is not { } definition)
            return NoSuchModule(module).ToResult();
        if (definition.Views.FirstOrDefault(v => v.Name == view) is not { } known)
            return Problem.NotFound("ops.no_such_view", "The module has no such view; GET /modules lists them.").ToResult();
        if (!await OneRebuild.WaitAsync(TimeSpan.Zero, ct))
            return Problem.Conflict("ops.rebuild_running", "This process rebuilds a view right now; try again when it is done.").ToResult();
        try
        {
            LogRebuilds(services.GetRequiredService<ILoggerFactory>().CreateLogger("Mobility.Operations"), caller.Actor, module, view);
            return TypedResults.Ok(new RebuiltView(await ViewRebuilder.RebuildAsync(DatabaseOf(services, definition), definition, known, ct)));
        }
        finally
        {
            OneRebuild.Release();
        }
    }

    private static Problem NoSuchModule(string module)
    {
        _ = module; // what a caller sends is not repeated in an answer
        return Problem.NotFound("ops.no_such_module", "This process does not run that module; GET /modules lists those it runs.");
    }

    private static ModuleDatabase DatabaseOf(IServiceProvider services, ModuleDefinition module) => services.GetRequiredKeyedService<ModuleDatabase>(module.Module);

    /// <summary>Where a page ends; opaque to callers.</summary>
    private sealed record Place(string Module, string Kind, string Subscription, Guid MessageId)
    {
        public static Place Of(ParkedMessage message) => new(message.Module, message.Kind, message.Subscription, message.MessageId);

        public static Place? TryRead(string cursor)
        {
            if (cursor.Length > CursorLengthMax || !Base64Url.IsValid(cursor))
                return null;
            var parts = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor)).Split('\n');
            return parts.Length == 4 && Guid.TryParse(parts[3], out var id) && !Array.Exists(parts, p => p.Contains('\0', StringComparison.Ordinal))
                ? new Place(parts[0], parts[1], parts[2], id)
                : null;
        }

        public string Write() => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{Module}\n{Kind}\n{Subscription}\n{MessageId}"));
    }

    [LoggerMessage(EventId = 402, Level = LogLevel.Information, Message = "{Actor} rebuilds the view {View} of {Module}.")]
    private static partial void LogRebuilds(ILogger log, string actor, string module, string view);

    [LoggerMessage(EventId = 401, Level = LogLevel.Information, Message = "{Actor} sent the parked message {MessageId} on to {Subscription}.")]
    private static partial void LogReplayed(ILogger log, string actor, string subscription, Guid messageId);
}
