using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Telemetry.Mqtt;
using Mobility.Twin.Client;
using Mobility.Twin.Replaying;
using Mobility.Twin.Trips;
using Spectre.Console;

namespace Mobility.Host.Commands;

/// <summary>Lives a file of real trips through the HTTP API of a platform of its own, on injected time, and audits what is left (docs/replay.md).</summary>
/// <remarks>(1) survey the files; (2) start a database and the platform; (3) register crew and riders; (4) live the trips; (5) audit; (6) report.</remarks>
internal static class ReplayCommand
{
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PreparationTime = TimeSpan.FromHours(1);

    private sealed record Request(IReadOnlyList<string> Files, DayChoice? Day, TimeZoneInfo? Zone, string? Data, string? Database, bool Fresh, bool Json);

    public static Command Create()
    {
        var files = new Argument<string[]>("FILE") { Description = "Published trip files (.csv, .csv.gz, .zip) and lists of stations", Arity = ArgumentArity.OneOrMore };
        var day = new Option<string?>("--day")
        {
            HelpName = "D",
            Description = "Only trips that start on this day: 2021-01-15, or 15 for that day of the first trip's month",
        };
        day.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } text && DayChoice.Parse(text) is null)
                result.AddError("--day is a date like 2021-01-15 or a number from 1 to 31.");
        });
        var zone = new Option<string?>("--time-zone")
        {
            HelpName = "ZONE",
            Description = "Where the files' clocks hung (IANA name); default is where the recognized operator is",
        };
        zone.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } name && !TimeZoneInfo.TryFindSystemTimeZoneById(name, out _))
                result.AddError("--time-zone is an IANA name like America/New_York.");
        });
        var data = new Option<string?>("--data") { HelpName = "DIR", Description = "Keep the database in this folder; else it is a temporary one" };
        var fresh = new Option<bool>("--fresh") { Description = "Delete what an earlier replay left in the folder first" };
        var database = new Option<string?>("--database") { HelpName = "CONNECTION", Description = "An empty external PostgreSQL instead" };
        var json = PlatformOptions.Json();
        var command = new Command("replay", "Live a published file of real trips through the HTTP API; exit code 1 when a trip fails or a law is broken.")
        {
            files, day, zone, data, fresh, database, json,
        };
        command.SetAction((parsed, ct) => RunAsync(
            new Request(
                parsed.GetRequiredValue(files),
                parsed.GetValue(day) is { } text ? DayChoice.Parse(text) : null,
                parsed.GetValue(zone) is { } name ? TimeZoneInfo.FindSystemTimeZoneById(name) : null,
                parsed.GetValue(data) is { } folder ? Path.GetFullPath(folder) : null,
                parsed.GetValue(database),
                parsed.GetValue(fresh),
                parsed.GetValue(json)),
            ct));
        return command;
    }

    private static async Task<int> RunAsync(Request request, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var folder = Directory.CreateTempSubdirectory("mobility-trips-");
        using var spool = new TripSpool(folder.FullName);
        TripSurvey survey;
        try
        {
            survey = await Steps.ShowAsync(progress => Task.Run(() => Survey(request, spool, progress, ct), ct));
        }
        catch (TripFileException unreadable)
        {
            await Console.Error.WriteLineAsync(unreadable.Message);
            if (request.Json)
                Console.WriteLine(new ReplayReport(null, null, 0, TimeSpan.Zero, Stopwatch.GetElapsedTime(began)).ToJson(unreadable.Rows, unreadable.Rejected));
            return ExitCodes.Failed;
        }

        await using var database = await Steps.ShowAsync(progress => ReplayDatabase.StartAsync(request.Data, request.Database, request.Fresh, progress, ct));
        var clock = new ReplayClock(survey.FirstStart - PreparationTime);
        var options = new MobilityAppOptions { ConnectionString = database.ConnectionString, Clock = clock, Settings = ReplaySettings.All };
        await using var app = MobilityApp.Create(options);
        var password = ReplayRun.NewCrewPassword();
        var city = ReplayCity.Build(survey, password);
        await using var due = new PlatformDue(app, database.ConnectionString, clock);
        await using var run = await Steps.ShowAsync(progress => PrepareAsync(app, clock, city, survey, password, due, progress, ct));
        ReplayResult result;
        ReplayProgress? last = null;
        var living = Stopwatch.GetTimestamp();
        try
        {
            result = await LiveAsync(run, spool, survey, now => last = now, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            await app.Web.StopAsync(CancellationToken.None);
            var sentence = last is { } now ? $"Interrupted at {Say(now, survey)}; the rest was not lived and nothing was audited." : "Interrupted before the first trip.";
            await Console.Error.WriteLineAsync(sentence);
            if (request.Json)
                Console.WriteLine(new ReplayReport(survey, null, 0, Stopwatch.GetElapsedTime(living), Stopwatch.GetElapsedTime(began)).ToJson(interrupted: last));
            return ExitCodes.Interrupted;
        }
        catch (RefusedException refused)
        {
            throw new PlatformStartException($"The replay cannot go on: {refused.Message}", refused);
        }

        var lived = Stopwatch.GetElapsedTime(living);
        var audit = await Steps.ShowAsync(progress => AuditCommand.CheckAsync(app, clock.GetUtcNow(), progress, ct));
        await app.Web.StopAsync(ct);
        var report = new ReplayReport(survey, result, AuditCommand.CountViolations(audit), lived, Stopwatch.GetElapsedTime(began));
        var output = request.Json ? Console.Error : Console.Out;
        report.Write(output);
        AuditCommand.Write(audit, output);
        if (request.Data is not null)
            await output.WriteLineAsync($"The database is kept in {request.Data}: ./mobility audit --data {request.Data}");
        if (request.Json)
            Console.WriteLine(report.ToJson());
        return report.Ok ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static TripSurvey Survey(Request request, TripSpool spool, IProgress<string> progress, CancellationToken ct)
    {
        progress.Report($"Reading {string.Join(", ", request.Files)}");
        var told = Stopwatch.GetTimestamp();
        return TripSurvey.Take(request.Files, request.Day, request.Zone, spool, new Told<long>(rows =>
        {
            if (Stopwatch.GetElapsedTime(told) < TellEvery)
                return;
            told = Stopwatch.GetTimestamp();
            progress.Report($"Reading: {rows} rows");
        }), ct);
    }

    private static async Task<ReplayRun> PrepareAsync(
        MobilityApp app, ReplayClock clock, CityPack city, TripSurvey survey, string password, PlatformDue due, IProgress<string> progress,
        CancellationToken ct)
    {
        progress.Report("Bringing the database up to date");
        await app.MigrateAsync(ct);
        progress.Report($"Building a city of {survey.Stations.Count} stations and {city.Fleet.Length} bikes");
        await app.LoadPackAsync(city, ct);
        progress.Report("Starting the modules");
        await app.StartAsync(ct);
        progress.Report($"Registering {survey.PeakUnderWay} riders");
        var run = new ReplayRun(new PlatformHandle
        {
            Address = new Uri(app.Address),
            MqttPort = app.Web.Services.GetRequiredService<MqttDoor>().Port!.Value,
            Clock = clock,
            City = city,
            NextDueAsync = due.NextAsync,
            SettleAsync = due.SettleAsync,
        }, survey, password);
        try
        {
            await run.PrepareAsync(ct);
            return run;
        }
        catch (RefusedException refused)
        {
            await run.DisposeAsync();
            throw new PlatformStartException($"The replay cannot begin: {refused.Message}", refused);
        }
    }

    private static async Task<ReplayResult> LiveAsync(
        ReplayRun run, TripSpool spool, TripSurvey survey, Action<ReplayProgress> note, CancellationToken ct)
    {
        if (Console.IsErrorRedirected || Console.IsOutputRedirected)
        {
            var told = Stopwatch.GetTimestamp();
            return await run.RunAsync(spool.Read(), new Told<ReplayProgress>(now =>
            {
                note(now);
                if (Stopwatch.GetElapsedTime(told) < TellEvery)
                    return;
                told = Stopwatch.GetTimestamp();
                Console.Error.WriteLine(Say(now, survey));
            }), ct);
        }

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async bar =>
            {
                var task = bar.AddTask("Living the trips", maxValue: survey.Trips);
                var told = new Told<ReplayProgress>(now =>
                {
                    note(now);
                    task.Value(now.Finished).Description(Markup.Escape(Say(now, survey)));
                });
                return await run.RunAsync(spool.Read(), told, ct);
            });
    }

    private static string Say(ReplayProgress now, TripSurvey survey) =>
        string.Create(CultureInfo.InvariantCulture, $"{now.At:yyyy-MM-dd HH:mm} UTC: {now.Finished} of {survey.Trips} trips, {now.Failed} failed");

    /// <summary>Reports on the caller's thread.</summary>
    private sealed class Told<T>(Action<T> tell) : IProgress<T>
    {
        public void Report(T value) => tell(value);
    }
}
