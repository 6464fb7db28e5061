using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;
using Mobility.Twin.Client;
using Mobility.Twin.Replaying;
using Mobility.Twin.Reporting;
using Mobility.Twin.Stage;
using Mobility.Twin.Trips;

namespace Mobility.Host.Commands;

/// <summary>Lives a file of real trips through the HTTP API of a platform of its own, on injected time, and audits what is left (docs/replay.md).</summary>
/// <remarks>
/// (1) survey the files; (2) start a database and the platform; (3) register crew and riders, or find those of the interrupted replay; (4) live the trips, until
/// the last or an interruption; (5) audit; (6) report.
/// </remarks>
internal static class ReplayCommand
{
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PreparationTime = TimeSpan.FromHours(1);
    private const double SpeedMax = 1_000_000;
    private const string AnySpeed = "max";

    private sealed record Request(
        IReadOnlyList<string> Files, DayChoice? Day, TimeZoneInfo? Zone, CityId City, double Speed, string? Data, string? Database, bool Fresh, string? Report,
        bool Json);

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
        var city = new Option<string>("--city")
        {
            HelpName = "NAME",
            Description = "Name of the city that is made from the file",
            DefaultValueFactory = _ => ReplayCity.DefaultId.Value,
        };
        city.Validators.Add(result =>
        {
            if (ReplayCity.ParseId(result.GetValueOrDefault<string>() ?? "") is null)
                result.AddError($"--city is up to {TextId.LengthMax} lower-case letters, digits and dashes, a dash not first, like jersey-city.");
        });
        var speed = new Option<string>("--speed")
        {
            HelpName = "N|max",
            Description = "Simulated seconds in a second at most, or max for as fast as the machine can",
            DefaultValueFactory = _ => AnySpeed,
        };
        speed.Validators.Add(result =>
        {
            if (ParseSpeed(result.GetValueOrDefault<string>()) is null)
                result.AddError($"--speed is max, or a number above 0 and up to {SpeedMax:0}, like 60.");
        });
        var data = new Option<string?>("--data") { HelpName = "DIR", Description = "Keep the database in this folder; else it is deleted at the end" };
        var fresh = new Option<bool>("--fresh") { Description = "Begin anew: delete what an earlier or interrupted replay left in the folder" };
        var database = new Option<string?>("--database") { HelpName = "CONNECTION", Description = "An empty external PostgreSQL instead" };
        var page = new Option<string?>("--report") { HelpName = "FILE", Description = "Where the page with plots is written (HTML)" };
        var json = PlatformOptions.Json();
        var command = new Command(
            "replay",
            "Live a published file of real trips through the HTTP API; exit code 1 when a trip fails or a law is broken. Ctrl-C interrupts it, the same command goes on.")
        {
            files, day, zone, city, speed, data, fresh, database, page, json,
        };
        command.SetAction((parsed, ct) => RunAsync(
            new Request(
                parsed.GetRequiredValue(files),
                parsed.GetValue(day) is { } text ? DayChoice.Parse(text) : null,
                parsed.GetValue(zone) is { } name ? TimeZoneInfo.FindSystemTimeZoneById(name) : null,
                ReplayCity.ParseId(parsed.GetRequiredValue(city))!.Value,
                ParseSpeed(parsed.GetRequiredValue(speed))!.Value,
                parsed.GetValue(data) is { } folder ? Path.GetFullPath(folder) : null,
                parsed.GetValue(database),
                parsed.GetValue(fresh),
                parsed.GetValue(page) is { } file ? Path.GetFullPath(file) : null,
                parsed.GetValue(json)),
            ct));
        return command;
    }

    private static double? ParseSpeed(string? text) =>
        text == AnySpeed ? double.PositiveInfinity
        : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= SpeedMax ? number
        : null;

    private static async Task<int> RunAsync(Request request, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var trips = Directory.CreateTempSubdirectory("mobility-trips-");
        using var spool = new TripSpool(trips.FullName);
        TripSurvey survey;
        try
        {
            survey = await Steps.ShowAsync(progress => Task.Run(() => Survey(request, spool, progress, ct), ct));
        }
        catch (TripFileException unreadable)
        {
            await Console.Error.WriteLineAsync(unreadable.Message);
            if (request.Json)
                Console.WriteLine(new ReplayReport(null, null, null, TimeSpan.Zero, Stopwatch.GetElapsedTime(began)).ToJson(unreadable.Rows, unreadable.Rejected));
            return ExitCodes.Failed;
        }
        try
        {
            return await LiveAsync(request, survey, spool, began, ct);
        }
        catch (Exception) when (request.Json && !ct.IsCancellationRequested)
        {
            Console.WriteLine(new ReplayReport(survey, null, null, TimeSpan.Zero, Stopwatch.GetElapsedTime(began)).ToJson());
            throw; // it is said in a sentence by whoever started the command
        }
    }

    private static async Task<int> LiveAsync(Request request, TripSurvey survey, TripSpool spool, long began, CancellationToken ct)
    {
        var folder = ReplayFolder.Of(request.Files, request.Day, request.Zone, request.City.Value, request.Data, request.Database);
        await using var database = await Steps.ShowAsync(progress => ReplayDatabase.StartAsync(folder, request.Database, request.Fresh, progress, ct));
        var page = PreparePage(request.Report ?? folder.Report);
        var plan = new ReplayPlan
        {
            Survey = survey,
            CrewPassword = database.State?.CrewPassword ?? ReplayRun.NewCrewPassword(),
            BikesFolder = folder.Bikes,
            Key = folder.Key,
            Speed = request.Speed,
            State = database.State,
        };
        var city = ReplayCity.Build(survey, plan.CrewPassword, request.City);
        var clock = new TwinClock(plan.State?.At ?? survey.FirstStart - PreparationTime);
        var options = new MobilityAppOptions { ConnectionString = database.ConnectionString, Clock = clock, Settings = ReplaySettings.All };
        await using var app = MobilityApp.Create(options);
        await using var due = new PlatformDue(app, database.ConnectionString, clock);
        await using var run = await Steps.ShowAsync(progress => PrepareAsync(app, clock, city, plan, due, progress, ct));
        var telling = new ReplayTelling(survey.Trips, plan.State?.Counts is { } counts ? counts.Completed + counts.Failed : 0);
        var living = Stopwatch.GetTimestamp();
        var result = await LiveAsync(run, spool, folder, telling, ct);
        var lived = Stopwatch.GetElapsedTime(living);
        var audit = result.IsOver ? await AuditAsync(app, clock, ct) : null;
        await app.Web.StopAsync(CancellationToken.None);
        run.ToState().Write(folder.StateFile); // an audit that was interrupted is made up for, too
        var report = new ReplayReport(survey, result, audit is null ? null : AuditCommand.CountViolations(audit), lived, Stopwatch.GetElapsedTime(began))
        {
            Files = request.Files,
            City = request.City.Value,
        };
        if (audit is null)
        {
            await Console.Error.WriteLineAsync(
                $"Interrupted at {telling.Say(telling.Last, lived)}; the same command goes on from there, and begins anew with --fresh.");
            if (request.Json)
                Console.WriteLine(report.ToJson());
            return ExitCodes.Interrupted;
        }

        var output = request.Json ? Console.Error : Console.Out;
        report.Write(output);
        AuditCommand.Write(audit, output);
        report.WritePage(page);
        await output.WriteLineAsync($"report        {page}");
        if (request.Data is not null)
            await output.WriteLineAsync($"The database is kept in {request.Data}: ./mobility audit --data {request.Data}");
        File.Delete(folder.StateFile); // nothing to go on with: a folder of its own is deleted
        if (request.Json)
            Console.WriteLine(report.ToJson());
        return report.Ok ? ExitCodes.Done : ExitCodes.Failed;
    }

    /// <summary>Asked before the hours of a long replay, not after them.</summary>
    private static string PreparePage(string page)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(page)!);
            var isNew = !File.Exists(page);
            using (new FileStream(page, FileMode.OpenOrCreate, FileAccess.Write))
                if (isNew)
                    File.Delete(page);
            return page;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new PlatformStartException($"The report {page} cannot be written: {refused.Message}", refused);
        }
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
        MobilityApp app, TwinClock clock, CityPack city, ReplayPlan plan, PlatformDue due, IProgress<string> progress, CancellationToken ct)
    {
        progress.Report("Bringing the database up to date");
        await app.MigrateAsync(ct);
        progress.Report($"Building a city of {plan.Survey.Stations.Count} stations and {city.Fleet.Length} bikes");
        await app.LoadPackAsync(city, ct);
        progress.Report("Starting the modules");
        await app.StartAsync(ct);
        progress.Report(plan.State is { } state
            ? string.Create(CultureInfo.InvariantCulture, $"Going on at {state.At:yyyy-MM-dd HH:mm} UTC, after {state.Begun} trips that have begun")
            : $"Registering {plan.Survey.PeakUnderWay} riders");
        var run = new ReplayRun(due.HandleOf(city), plan);
        try
        {
            await run.PrepareAsync(ct);
            return run;
        }
        catch (Exception failure)
        {
            await run.DisposeAsync(); // before its folders are deleted
            if (failure is RefusedException refused)
                throw new PlatformStartException($"The replay cannot begin: {refused.Message}", refused);
            throw;
        }
    }

    private static async Task<ReplayResult> LiveAsync(ReplayRun run, TripSpool spool, ReplayFolder folder, ReplayTelling telling, CancellationToken ct)
    {
        File.Delete(folder.StateFile); // from here on the database is ahead of it
        try
        {
            return await telling.ShowAsync(progress => run.RunAsync(spool.Read(), progress, ct, CancellationToken.None));
        }
        catch (RefusedException refused)
        {
            throw new PlatformStartException($"The replay cannot go on: {refused.Message}", refused);
        }
    }

    /// <summary>Null when it was interrupted.</summary>
    private static async Task<IReadOnlyList<AuditResult>?> AuditAsync(MobilityApp app, TwinClock clock, CancellationToken ct)
    {
        try
        {
            return await Steps.ShowAsync(progress => AuditCommand.CheckAsync(app, clock.GetUtcNow(), progress, ct));
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return null;
        }
    }
}
