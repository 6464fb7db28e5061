using System.Collections.Concurrent;
using System.Diagnostics;
using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Bench;

/// <summary>Complete rides, one after another on each pair of connections: a rider's and a vehicle's.</summary>
internal static class LifecycleBench
{
    /// <summary>A rider takes one vehicle after the other, so that the one just returned has time to become free again.</summary>
    public const int VehiclesPerRider = 3;

    /// <param name="Steps">Durations by step, as the rider waits for them.</param>
    public sealed record Result(double PerSecond, int Completed, IReadOnlyDictionary<string, Latencies> Steps);

    private static readonly string[] StepNames = ["quote", "reserve", "confirm", "unlock", "end", "settle"];

    public static async Task<Result> RunAsync(
        BenchPlatform platform, VehicleId[] vehicles, TimeSpan warmUp, TimeSpan time, ConcurrentDictionary<string, int> errors, Action<string> say, CancellationToken ct)
    {
        say("riders with payment methods for the lifecycles");
        var steps = StepNames.ToDictionary(name => name, _ => new Latencies());
        var rides = new List<Ride>();
        foreach (var own in vehicles.Chunk(VehiclesPerRider))
            rides.Add(await Ride.OpenAsync(platform, own, steps, errors, ct));
        say($"lifecycles for {warmUp.TotalSeconds:0} s until the process is warm: a third of its work is compiling itself before that");
        await LiveAsync(rides, warmUp, ct);
        foreach (var latencies in steps.Values)
            latencies.Clear();
        say($"complete lifecycles for {time.TotalSeconds:0} s");
        var cpu = platform.CpuTime;
        var (completed, seconds) = await LiveAsync(rides, time, ct);
        say($"{completed / seconds:0} lifecycles/s; the platform's process used {(platform.CpuTime - cpu).TotalSeconds / seconds:0.00} of {Environment.ProcessorCount} cores");
        rides.ForEach(ride => ride.Dispose());
        return new Result(completed / seconds, completed, steps);
    }

    private static async Task<(int Completed, double Seconds)> LiveAsync(List<Ride> rides, TimeSpan time, CancellationToken ct)
    {
        var completed = 0;
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(rides.Select(async ride =>
        {
            while (Stopwatch.GetElapsedTime(began) < time)
                if (await ride.LiveAsync(ct))
                    Interlocked.Increment(ref completed);
        }));
        return (completed, Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>One rider with some vehicles; a failed step is counted and the next ride begins anew.</summary>
    private sealed class Ride(
        LoadConnection rider, LoadConnection device, string riderToken, (VehicleId Id, string Token)[] vehicles, IReadOnlyDictionary<string, Latencies> steps,
        ConcurrentDictionary<string, int> errors) : IDisposable
    {
        private long _odometerMeters;
        private int _rides;

        public static async Task<Ride> OpenAsync(
            BenchPlatform platform, VehicleId[] vehicles, IReadOnlyDictionary<string, Latencies> steps, ConcurrentDictionary<string, int> errors, CancellationToken ct)
        {
            var token = platform.RiderToken(Id.New<AccountId>(TimeProvider.System));
            var rider = await LoadConnection.OpenAsync(platform.Address, ct);
            var added = await rider.SendAsync("POST", "/v1/payments/methods", token, """{"token":"tok_visa"}""", BookingBench.NewKey(), ct);
            if (added.Status is not (200 or 201 or 202))
                throw new PlatformStartException($"A payment method was refused: {added.Status} {added.Body}");
            return new Ride(rider, await LoadConnection.OpenAsync(platform.Address, ct), token,
                [.. vehicles.Select(v => (v, platform.DeviceToken(v)))], steps, errors);
        }

        public async Task<bool> LiveAsync(CancellationToken ct)
        {
            var (vehicle, deviceToken) = vehicles[_rides % vehicles.Length];
            var began = Stopwatch.GetTimestamp();
            var quote = await RiderAsync("POST", "/v1/quotes", $$"""{"vehicleId":"{{vehicle}}"}""", ct);
            if (quote.Status == 409 && quote.Member("code") == "pricing.vehicle_not_rentable")
            {
                await Task.Delay(2, ct); // the last ride's end has not reached the fleet yet
                return false;
            }
            _rides++;
            if (!Passed("quote", quote, began, quote.Status is 200 or 201))
                return false;
            began = Stopwatch.GetTimestamp();
            var booking = await RiderAsync("POST", "/v1/bookings", $$"""{"quoteId":"{{quote.Member("id")}}","safetyChecklist":true}""", ct);
            if (!Passed("reserve", booking, began, booking.Status == 201))
                return false;
            var path = $"/v1/bookings/{booking.Member("id")}";
            began = Stopwatch.GetTimestamp();
            var confirmed = await RiderAsync("POST", $"{path}/confirm", null, ct);
            if (!Passed("confirm", confirmed, began, confirmed.Member("phase") == "confirmed"))
                return false;
            if (!await CommandAsync(vehicle, deviceToken, "unlock", "unlocked", $"{path}/unlock", $"{path}?waitFor=riding&seconds=10", "riding", ct))
                return false;
            _odometerMeters += 1_500;
            if (!await CommandAsync(vehicle, deviceToken, "end", "locked", $"{path}/end", $"{path}?waitFor=ended&seconds=10", "ended", ct))
                return false;
            began = Stopwatch.GetTimestamp();
            var settled = await RiderAsync("GET", $"{path}?waitFor=settled&seconds=10", null, ct);
            return Passed("settle", settled, began, settled.Member("phase") == "settled");
        }

        /// <summary>The rider asks, the vehicle fetches the command, obeys and reports, the rider sees it.</summary>
        private async Task<bool> CommandAsync(
            VehicleId vehicle, string deviceToken, string step, string report, string ask, string follow, string phase, CancellationToken ct)
        {
            var began = Stopwatch.GetTimestamp();
            var asked = await RiderAsync("POST", ask, null, ct);
            if (asked.Status != 202)
                return Passed(step, asked, began, false);
            var commands = await device.SendAsync("GET", $"/v1/vehicles/{vehicle}/commands?seconds=5", deviceToken, null, null, ct);
            if (commands.Member("id") is not { } command)
                return Passed($"{step}: command", commands, began, false);
            var body = $$"""
                {"kind":"{{report}}","at":"{{TimeProvider.System.GetUtcNow():O}}","position":{"lat":48.2,"lon":11.5},"stateOfChargePercent":80,"odometerMeters":{{_odometerMeters}},"command":"{{command}}"}
                """;
            var reported = await device.SendAsync("POST", $"/v1/vehicles/{vehicle}/reports", deviceToken, body, BookingBench.NewKey(), ct);
            if (reported.Status is not (200 or 201 or 202))
                return Passed($"{step}: report", reported, began, false);
            var seen = await RiderAsync("GET", follow, null, ct);
            return Passed(step, seen, began, seen.Member("phase") == phase || (phase == "ended" && seen.Member("phase") == "settled"));
        }

        private Task<LoadReply> RiderAsync(string method, string path, string? body, CancellationToken ct) =>
            rider.SendAsync(method, path, riderToken, body, method == "POST" ? BookingBench.NewKey() : null, ct);

        private bool Passed(string step, LoadReply reply, long began, bool good)
        {
            if (good)
                steps[step].AddSince(began);
            else
                BookingBench.Count(errors, $"{step} {reply.Status} {reply.Member("code") ?? reply.Member("phase")}");
            return good;
        }

        public void Dispose()
        {
            rider.Dispose();
            device.Dispose();
        }
    }
}
