using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Platform.Auth;
using Mobility.Platform.Observability;

namespace Mobility.Platform.Http;

/// <summary>
/// A limit of N requests per minute and caller (or address, when nobody is signed in) as a token bucket on the injected clock. The
/// framework's limiter reads the machine's clock, and a day of a city must be able to pass in minutes.
/// </summary>
public sealed class RateLimiter(TimeProvider clock, IConfiguration configuration)
{
    /// <summary>Buckets that are kept; beyond it all full ones are dropped.</summary>
    public const int BucketsMax = 200_000;

    private readonly ConcurrentDictionary<(string Limit, string Who), Bucket> _buckets = new();

    /// <summary>Takes one token. Returns how long to wait when none is left.</summary>
    public TimeSpan? TryTake(string limit, string who, int defaultPerMinute)
    {
        var perMinute = configuration.GetValue($"RateLimits:{limit}", defaultPerMinute);
        var now = clock.GetUtcNow();
        if (_buckets.Count > BucketsMax)
            foreach (var (key, old) in _buckets)
                if (now - old.At > TimeSpan.FromMinutes(1))
                    _buckets.TryRemove(key, out _);
        TimeSpan? wait = null;
        _buckets.AddOrUpdate((limit, who), _ => new Bucket(perMinute - 1, now), (_, bucket) =>
        {
            var tokens = Math.Min(perMinute, bucket.Tokens + Math.Max(0, (now - bucket.At).TotalMinutes) * perMinute);
            wait = tokens >= 1 ? null : TimeSpan.FromMinutes((1 - tokens) / perMinute);
            return new Bucket(wait is null ? tokens - 1 : tokens, now);
        });
        return wait;
    }

    private readonly record struct Bucket(double Tokens, DateTimeOffset At);
}

/// <summary>How endpoints name their limit.</summary>
public static class RateLimits
{
    /// <summary>At most so many requests per minute and caller; configuration <c>RateLimits:name</c> overrides the number.</summary>
    public static RouteHandlerBuilder LimitPerMinute(this RouteHandlerBuilder builder, string name, int requests) => builder.AddEndpointFilter(async (context, next) =>
    {
        var http = context.HttpContext;
        var who = (http.Items[Caller.ItemKey] as Caller)?.Actor ?? http.Connection.RemoteIpAddress?.ToString() ?? "?";
        if (http.RequestServices.GetRequiredService<RateLimiter>().TryTake(name, who, requests) is not { } wait)
            return await next(context);
        PlatformMetrics.RateLimited.Add(1, new KeyValuePair<string, object?>("limit", name));
        http.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString();
        return new Problem(ProblemKind.TooMany, "request.rate_limited", $"At most {requests} requests per minute; try again after the time in Retry-After.").ToResult();
    });
}
