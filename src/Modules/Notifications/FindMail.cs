using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Notifications;

/// <summary>The development mailbox: what riders would receive, as a page and as JSON. It shows codes to everybody, so it exists only where configured.</summary>
internal static class FindMail
{
    public const int LimitDefault = 50;
    public const int LimitMax = 200;

    /// <summary>A message as its reader gets it. Values are those of the template, for example the code.</summary>
    public sealed record Mail(
        Guid Id, string? To, string Channel, string Template, string Subject, string Body, IReadOnlyDictionary<string, string> Values, string Status,
        DateTimeOffset At);

    /// <summary>Newest first.</summary>
    public sealed record Page(IReadOnlyList<Mail> Messages);

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/dev/mailbox.json", List).WithName("FindMail").OpenToAll().Produces<Page>().ProducesProblem(400);
        app.MapGet("/dev/mailbox", Show).WithName("ShowMailbox").OpenToAll().ExcludeFromDescription();
    }

    private static async Task<IResult> List(string? to, int? limit, Database<NotificationsModule> database, CancellationToken ct)
    {
        var shape = new Fields().Must(limit is null or (>= 1 and <= LimitMax), "limit", $"A limit is 1 to {LimitMax}.")
            .Must(to is null || (to.Length <= 254 && !to.Contains('\0', StringComparison.Ordinal)), "to", "An address has at most 254 characters.");
        if (shape.Problem is { } problem)
            return problem.ToResult();
        return TypedResults.Json(new Page(await ReadAsync(database, to, limit ?? LimitDefault, ct)), MobilityJson.Http);
    }

    private static async Task<IResult> Show(HttpContext http, Database<NotificationsModule> database, CancellationToken ct)
    {
        var to = http.Request.Query["to"].ToString();
        http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Content(ToHtml(await ReadAsync(database, to.Length is 0 or > 254 ? null : to, LimitDefault, ct), to), "text/html; charset=utf-8");
    }

    private static async Task<IReadOnlyList<Mail>> ReadAsync(Database<NotificationsModule> database, string? to, int limit, CancellationToken ct)
    {
        // Two statements, because the one with a filter must not be planned for the one without.
        var rows = await database.QueryAsync<Row>(
            $"{Select} {(to is null ? "" : ToFilter)} ORDER BY m.nr DESC LIMIT @limit", new { to = to?.Trim().ToLowerInvariant(), limit }, ct);
        return [.. rows.Select(ToMail)];
    }

    internal static Mail ToMail(Row row)
    {
        var values = JsonSerializer.Deserialize<Dictionary<string, string>>(row.Data, MobilityJson.Stored)!;
        values.TryAdd("name", row.DisplayName ?? "");
        var words = Templates.Render(row.Template, row.Language ?? "en", values);
        return new Mail(row.Id, row.Address, row.Channel, row.Template, words.Subject, words.Body, values, row.Status, row.At);
    }

    internal static string ToHtml(IReadOnlyList<Mail> mails, string to)
    {
        var html = new StringBuilder(Head);
        html.Append($"<form><input name=\"to\" placeholder=\"only to this address\" value=\"{Escape(to)}\"><button>Show</button></form>");
        if (mails.Count == 0)
            html.Append("<p class=\"none\">No messages yet.</p>");
        foreach (var mail in mails)
            html.Append(CultureInfo.InvariantCulture, $"""
                <article><header><b>{Escape(mail.Subject)}</b><span>{Escape(mail.Channel)} to {Escape(mail.To ?? "an account without address")}</span>
                <time>{mail.At:yyyy-MM-dd HH:mm:ss} UTC</time></header><pre>{Escape(mail.Body)}</pre></article>
                """);
        return html.Append("</main></body></html>").ToString();
    }

    private static string Escape(string text) => HtmlEncoder.Default.Encode(text);

    internal sealed record Row
    {
        public required Guid Id { get; init; }
        public required string Channel { get; init; }
        public required string Template { get; init; }
        public required string Data { get; init; }
        public required string Status { get; init; }
        public required DateTimeOffset At { get; init; }
        public string? Address { get; init; }
        public string? DisplayName { get; init; }
        public string? Language { get; init; }
    }

    private const string Select = """
        SELECT m.id, m.channel, m.template, m.data::text AS data, m.status, m.at,
            coalesce(m.address, CASE m.channel WHEN 'email' THEN a.email ELSE a.phone END) AS address, a.display_name, a.language
        FROM mailbox m LEFT JOIN addresses a ON a.account = m.account
        """;

    private const string ToFilter = """
        WHERE lower(m.address) = @to
            OR (m.address IS NULL AND m.channel = 'email' AND m.account = ANY(ARRAY(SELECT account FROM addresses WHERE lower(email) = @to)))
            OR (m.address IS NULL AND m.channel = 'phone' AND m.account = ANY(ARRAY(SELECT account FROM addresses WHERE phone = @to)))
        """;

    private const string Head = """
        <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
        <title>Mailbox</title><style>
        body{margin:0;background:#f3f5f7;color:#17202a;font:16px/1.5 system-ui,sans-serif}main{max-width:760px;margin:0 auto;padding:2rem 1rem}
        h1{margin:0}p{color:#566573}form{display:flex;gap:.5rem;margin:1rem 0}input{flex:1;padding:.5rem .75rem;border:1px solid #cfd6dd;border-radius:8px;font:inherit}
        button{padding:.5rem 1rem;border:0;border-radius:8px;background:#117a65;color:#fff;font:inherit;cursor:pointer}
        article{background:#fff;border-radius:12px;box-shadow:0 1px 3px #0002;margin:1rem 0;overflow:hidden}
        header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:.75rem 1rem;border-bottom:1px solid #eceff1}header b{flex:1 0 60%}
        header span,time{color:#566573;font-size:.85rem}pre{margin:0;padding:1rem;white-space:pre-wrap;overflow-wrap:anywhere;font:inherit}
        @media(prefers-color-scheme:dark){body{background:#11161b;color:#e8edf1}article{background:#1b232b}header{border-color:#2c3740}
        p,header span,time{color:#9fb0bd}input{background:#1b232b;color:inherit;border-color:#2c3740}}
        </style></head><body><main><h1>Mailbox</h1><p>What riders would receive. For development only; nothing leaves this machine.</p>
        """;
}
