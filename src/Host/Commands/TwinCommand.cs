using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Host.Packs;
using Mobility.Platform;
using Mobility.Twin.Client;
using Mobility.Twin.Living;
using Mobility.Twin.Stage;
using Mobility.Twin.Trips;

namespace Mobility.Host.Commands;

/// <summary>A city that lives on injected time, with people, vehicles, a crew and faults, and the audit of what it left (docs/twin.md).</summary>
/// <remarks>(1) read pack and streets; (2) start a database and the platform; (3) switch the vehicles on; (4) live; (5) audit; (6) report and keep the record.</remarks>
internal static class TwinCommand
{
    private const string DefaultDay = "2026-06-08";
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(5);

    private sealed record Request(
        string City, DateOnly Day, int Hours, CityRunSettings Settings, bool HasRiders, IReadOnlyList<string> Like, string? Streets, bool Json)
    {
        public string Pack => Directory.Exists(City) ? Path.GetFullPath(City) : Path.Combine(PlatformOptions.Root, "packs", City);
    }

    public static Command Create()
    {
        var city = new Option<string>("--city") { HelpName = "NAME", Description = "A city pack: a folder, or its name below packs/", DefaultValueFactory = _ => "demo" };
        var riders = PlatformOptions.Number("--riders", "People who may want to ride", 1_000, 1, 1_000_000);
        var vehicles = PlatformOptions.Number("--vehicles", "Vehicles of all kinds that live", 300, 1, 20_000);
        var hours = PlatformOptions.Number("--hours", "Simulated hours", 24, 1, 24 * 31);
        var seed = PlatformOptions.Number("--seed", "Every chance is drawn from it", 1, int.MinValue, int.MaxValue);
        var day = new Option<string>("--day") { HelpName = "D", Description = "The day on which it begins, at midnight of the city", DefaultValueFactory = _ => DefaultDay };
        day.Validators.Add(result =>
        {
            if (!DateOnly.TryParseExact(result.GetValueOrDefault<string>(), "yyyy-MM-dd", out _))
                result.AddError("--day is a date like 2026-06-08.");
        });
        var speed = new Option<string>("--speed") { HelpName = "N|max", Description = "Simulated seconds in a second at most", DefaultValueFactory = _ => "max" };
        speed.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } text && text != "max" && !(TryNumber(text, out var pace) && pace > 0))
                result.AddError("--speed is a number above 0, or max.");
        });
        var faults = new Option<string>("--faults") { HelpName = "LIST", Description = $"What goes wrong, separated by commas: {FaultWords.Known}", DefaultValueFactory = _ => "" };
        faults.Validators.Add(result =>
        {
            if (!FaultWords.TryParse(result.GetValueOrDefault<string>() ?? "", out _))
                result.AddError($"--faults is a list of: {FaultWords.Known}.");
        });
        var like = new Option<string[]>("--like") { HelpName = "FILE", Description = "A published trip file from which the hours of demand are learnt" };
        var streets = StreetsOption.Create();
        var people = PlatformOptions.Number("--crew", "How many of the crew work at a time", 2, 0, 1_000);
        var swapBelow = PlatformOptions.Number("--swap-below", "The crew swaps batteries that have less, in percent", 30, 0, 100);
        var stays = new Option<bool>("--no-moves") { Description = "The crew brings no vehicles to where people found none" };
        var name = new Option<string>("--name") { HelpName = "NAME", Description = "Under which the run is kept for twin compare", DefaultValueFactory = _ => "last" };
        name.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is not { Length: > 0 and <= 60 } text || text.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_')))
                result.AddError("--name has 1 to 60 letters, digits, - and _.");
        });
        var json = PlatformOptions.Json();
        var command = new Command("twin", "Live in a synthetic city through the platform's own doors; exit code 1 when a law is broken or a rider pays for our fault.")
        {
            city, riders, vehicles, hours, day, seed, speed, faults, like, streets, people, swapBelow, stays, name, json,
        };
        command.Subcommands.Add(CompareCommand());
        command.SetAction((parsed, ct) =>
        {
            var chosen = FaultWords.TryParse(parsed.GetRequiredValue(faults), out var read) ? read : Fault.None; // the validator has refused anything else
            var settings = new CityRunSettings
            {
                Seed = parsed.GetValue(seed),
                Riders = parsed.GetValue(riders),
                Vehicles = parsed.GetValue(vehicles),
                Speed = TryNumber(parsed.GetRequiredValue(speed), out var pace) ? pace : null,
                Faults = chosen,
                Crew = new CrewPolicy { People = parsed.GetValue(people), SwapBelowPercent = parsed.GetValue(swapBelow), Brings = !parsed.GetValue(stays) },
                Name = parsed.GetRequiredValue(name),
            };
            return RunAsync(
                new Request(parsed.GetRequiredValue(city), DateOnly.ParseExact(parsed.GetRequiredValue(day), "yyyy-MM-dd"), parsed.GetValue(hours), settings,
                    parsed.GetResult(riders) is { Implicit: false }, parsed.GetValue(like) ?? [], parsed.GetValue(streets), parsed.GetValue(json)), ct);
        });
        return command;
    }

    private static string RunsFolder => Path.Combine(PlatformOptions.Root, ".mobility", "runs");

    private static Command CompareCommand()
    {
        var one = new Argument<string>("A") { Description = "Name or file of a run" };
        var other = new Argument<string>("B") { Description = "Name or file of another" };
        var command = new Command("compare", "Two runs side by side: what they were made of where it differs, and what they came to.") { one, other };
        command.SetAction(parsed =>
        {
            try
            {
                CityRecord.Compare(CityRecord.Load(RunsFolder, parsed.GetRequiredValue(one)), CityRecord.Load(RunsFolder, parsed.GetRequiredValue(other)), Console.Out);
                return ExitCodes.Done;
            }
            catch (InvalidDataException unreadable)
            {
                Console.Error.WriteLine(unreadable.Message);
                return ExitCodes.Failed;
            }
        });
        return command;
    }

    private static async Task<int> RunAsync(Request request, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var reading = CityPackReader.Read(request.Pack);
        if (reading.Pack is not { } whole)
            throw new PlatformStartException($"The city pack {request.Pack} cannot be used: {reading.Errors[0]}");
        Directory.CreateDirectory(RunsFolder);
        using var unmet = new UnmetFile(Path.Combine(RunsFolder, $"{request.Settings.Name}.unmet.csv"));
        var settings = request.Settings with { WalkedAway = unmet.Add };
        if (request.Like.Count > 0 && Learn(request.Like, ct) is var learnt)
            settings = settings with { Learnt = learnt, Riders = request.HasRiders ? settings.Riders : learnt.Riders };
        if (request.Streets is { } extract)
            settings = settings with { Streets = StreetsOption.Read(extract, whole, ct) };
        var pack = whole with { Fleet = CityRun.Sample(whole.Fleet, settings.Vehicles) };
        var staff = pack.Staff.FirstOrDefault(account => account is { Role: StaffRole.OperationsManager, DemoPassword: not null })
            ?? throw new PlatformStartException($"The city pack {request.Pack} has no operations manager with a demo_password, whom the crew needs.");
        var zone = TimeZoneInfo.FindSystemTimeZoneById(pack.City.TimeZone);
        var midnight = request.Day.ToDateTime(TimeOnly.MinValue);
        var start = new DateTimeOffset(midnight, zone.GetUtcOffset(midnight)).ToUniversalTime();

        await using var database = await Steps.ShowAsync(progress => ReplayDatabase.StartAsync(ReplayFolder.Temporary(), null, false, progress, ct));
        await using var platform = await Steps.ShowAsync(progress => PlatformProcess.StartAsync(database.ConnectionString, pack, start, progress, ct));
        var folder = Directory.CreateTempSubdirectory("mobility-vehicles-").FullName;
        try
        {
            await using var run = await Steps.ShowAsync(progress => PrepareAsync(platform.Handle, staff, settings, folder, progress, ct));
            var living = Stopwatch.GetTimestamp();
            var told = Stopwatch.GetTimestamp();
            var result = await run.RunAsync(start.AddHours(request.Hours), new Told(now =>
            {
                if (Stopwatch.GetElapsedTime(told) < TellEvery)
                    return;
                told = Stopwatch.GetTimestamp();
                Console.Error.WriteLine(Say(now, zone));
            }), ct);
            var lived = Stopwatch.GetElapsedTime(living);
            var audit = await Steps.ShowAsync(progress => platform.AuditAsync(progress, ct));
            var output = request.Json ? Console.Error : Console.Out;
            var record = Record(request, settings, result, AuditCommand.CountViolations(audit), lived);
            Write(record, result, output);
            AuditCommand.Write(audit, output);
            record.Save(RunsFolder);
            unmet.Complete();
            await output.WriteLineAsync($"Kept as {record.Name}: ./mobility twin compare {record.Name} OTHER; who walked away: {unmet.Path}");
            var ok = IsOk(record.Measures, settings.Faults);
            if (request.Json)
                Console.WriteLine(Line(record.Measures, ok, Stopwatch.GetElapsedTime(began)));
            return ok ? ExitCodes.Done : ExitCodes.Failed;
        }
        catch (RefusedException refused)
        {
            throw new PlatformStartException($"The city cannot go on: {refused.Message}", refused);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<CityRun> PrepareAsync(
        PlatformHandle platform, StaffAccount staff, CityRunSettings settings, string folder, IProgress<string> progress, CancellationToken ct)
    {
        progress.Report($"Switching {platform.City.Fleet.Length} vehicles on");
        var run = new CityRun(platform, settings, staff, folder);
        try
        {
            await run.PrepareAsync(ct);
            return run;
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    private static LearntHours Learn(IReadOnlyList<string> files, CancellationToken ct)
    {
        using var spool = new TripSpool(Directory.CreateTempSubdirectory("mobility-trips-").FullName);
        try
        {
            var survey = TripSurvey.Take(files, null, null, spool, new Progress<long>(), ct);
            return LearntHours.From(spool.Read(), survey.Zone);
        }
        catch (TripFileException unreadable)
        {
            throw new PlatformStartException(unreadable.Message, unreadable);
        }
    }

    private static CityRecord Record(Request request, CityRunSettings settings, CityResult result, int violations, TimeSpan lived)
    {
        var measures = new SortedDictionary<string, double>(result.Counts.ToDictionary(count => count.Key, count => (double)count.Value), StringComparer.Ordinal)
        {
            ["audit_violations"] = violations,
            ["swaps"] = result.Swaps,
            ["relocations"] = result.Relocations,
            ["telemetry_messages"] = result.TelemetryMessages,
            ["telemetry_unacknowledged"] = result.Unacknowledged,
            ["vehicles"] = result.Vehicles,
            ["accounts"] = result.Accounts,
            ["simulated_seconds"] = Math.Round(result.Simulated.TotalSeconds),
            ["living_seconds"] = Math.Round(lived.TotalSeconds, 1),
        };
        foreach (var name in new[] { "wishes", "rides", "unmet", "searches", "let_down", "captured_minor", "charged_for_our_fault_minor" })
            measures.TryAdd(name, 0);
        return new CityRecord
        {
            Name = settings.Name,
            Version = typeof(TwinCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",
            Parameters = Parameters(request.City, request.Day, request.Hours, settings, request.Like, request.Streets),
            Measures = measures,
        };
    }

    /// <summary>All that makes a difference, by the names of the options; how fast it went does not.</summary>
    internal static SortedDictionary<string, string> Parameters(string city, DateOnly day, int hours, CityRunSettings settings, IReadOnlyList<string> like, string? streets) =>
        new(StringComparer.Ordinal)
        {
            ["city"] = city,
            ["day"] = day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            ["hours"] = Say(hours),
            ["seed"] = Say(settings.Seed),
            ["riders"] = Say(settings.Riders),
            ["vehicles"] = settings.Vehicles is { } vehicles ? Say(vehicles) : "all",
            ["faults"] = FaultWords.Say(settings.Faults),
            ["like"] = string.Join(',', like),
            ["streets"] = streets ?? "",
            ["crew"] = Say(settings.Crew.People),
            ["swap-below"] = Say(settings.Crew.SwapBelowPercent),
            ["no-moves"] = settings.Crew.Brings ? "no" : "yes",
        };

    /// <summary>Without faults nobody may be let down; with them nobody may pay for it, and the laws hold either way.</summary>
    private static bool IsOk(SortedDictionary<string, double> measures, Fault faults) =>
        measures["audit_violations"] == 0 && measures["charged_for_our_fault_minor"] == 0 && measures["telemetry_unacknowledged"] == 0
        && (faults != Fault.None || measures["let_down"] == 0);

    private static string Line(SortedDictionary<string, double> measures, bool ok, TimeSpan wall) => JsonSerializer.Serialize(new
    {
        twin = ok ? "ok" : "failed",
        wishes = measures["wishes"],
        rides = measures["rides"],
        unmet = measures["unmet"],
        let_down = measures["let_down"],
        charged_for_our_fault_minor = measures["charged_for_our_fault_minor"],
        relocations = measures["relocations"],
        swaps = measures["swaps"],
        telemetry_messages = measures["telemetry_messages"],
        captured_minor = measures["captured_minor"],
        audit_violations = measures["audit_violations"],
        simulated_seconds = measures["simulated_seconds"],
        wall_seconds = Math.Round(wall.TotalSeconds, 1),
    });

    private static void Write(CityRecord record, CityResult result, TextWriter output)
    {
        foreach (var (name, value) in record.Measures)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-36}{value,12:0.###}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"requests",-36}{"count",12}{"p50 ms",10}{"p95 ms",10}{"p99 ms",10}"));
        foreach (var step in result.Latencies)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {step.Step,-34}{step.Count,12}{step.P50,10:0.0}{step.P95,10:0.0}{step.P99,10:0.0}"));
        foreach (var (problem, count) in result.Problems)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  refused or broken off: {count} × {problem}"));
    }

    private static string Say(CityProgress now, TimeZoneInfo zone) => string.Create(CultureInfo.InvariantCulture,
        $"{TimeZoneInfo.ConvertTime(now.At, zone):yyyy-MM-dd HH:mm}: {now.Rides} rides, {now.Unmet} walked away, {now.LetDown} let down");

    private static string Say(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static bool TryNumber(string text, out double number) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number);

    private sealed class Told(Action<CityProgress> tell) : IProgress<CityProgress>
    {
        public void Report(CityProgress value) => tell(value);
    }
}
