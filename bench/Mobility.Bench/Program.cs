using System.CommandLine;
using Mobility.Bench;
using Mobility.Platform;
using Mobility.Twin.Trips;

var json = new Option<bool>("--json") { Description = "End with one line of JSON" };
var quick = new Option<bool>("--quick") { Description = "Short phases; of booking 50,000 attempts" };
var data = new Option<string?>("--data") { Description = "Keep the database in this folder (for an audit afterwards); default is a temporary one", HelpName = "DIR" };
var lifecycles = new Option<bool>("--lifecycles") { Description = "Only the complete lifecycles, for a profiler" };
var booking = new Command("booking", "Races for vehicles, sustained reservations and complete lifecycles, beside pgbench on the same server.")
{
    json, quick, data, lifecycles,
};
booking.SetAction((parsed, ct) => parsed.GetValue(lifecycles)
    ? BookingBench.RunLifecyclesAsync(parsed.GetValue(data), ct)
    : BookingBench.RunAsync(parsed.GetValue(quick), parsed.GetValue(json), parsed.GetValue(data), ct));

var alone = new Option<bool>("--alone") { Description = "Only in process: no HTTP, no peers" };
var nearby = new Command("nearby", "Nearby search over 50,000 and 1,000,000 vehicles, in process and over HTTP, beside Redis and PostGIS.") { json, quick, alone };
nearby.SetAction((parsed, ct) => NearbyBench.RunAsync(parsed.GetValue(json), parsed.GetValue(quick), parsed.GetValue(alone), ct));

var connection = new Argument<string>("connection");
var serve = new Command("serve", "The platform's process of a bench.") { connection };
serve.Hidden = true;
serve.SetAction((parsed, ct) => BenchPlatform.ServeAsync(parsed.GetRequiredValue(connection), ct));

var seconds = new Option<int>("--seconds") { Description = "How long each phase lasts", DefaultValueFactory = _ => 20 };
var connections = new Option<int>("--connections") { Description = "Vehicles", DefaultValueFactory = _ => 1_000 };
var ingest = new Command("ingest", "Reports of vehicles over MQTT into durable history, killed and counted, beside mosquitto.") { json, seconds, connections };
ingest.SetAction((parsed, ct) => IngestBench.RunAsync(parsed.GetValue(seconds), parsed.GetValue(connections), parsed.GetValue(json), ct));

var reporting = new Option<int>("--vehicles") { Description = "Vehicles that report meanwhile", DefaultValueFactory = _ => 5_000 };
var unlock = new Command("unlock", "Unlock over MQTT, from the rider's request to the ride, while thousands of vehicles report.") { json, seconds, reporting };
unlock.SetAction((parsed, ct) => UnlockBench.RunAsync(parsed.GetValue(reporting), parsed.GetValue(seconds), parsed.GetValue(json), ct));

var port = new Argument<int>("port");
var serveMqtt = new Command("serve-mqtt", "The platform's process of the ingest bench.") { connection, port };
serveMqtt.Hidden = true;
serveMqtt.SetAction((parsed, ct) => IngestBench.ServeAsync(parsed.GetRequiredValue(connection), parsed.GetValue(port), ct));

var files = new Argument<string[]>("FILE") { Description = "Published trip files", Arity = ArgumentArity.ZeroOrMore };
var large = new Option<bool>("--large") { Description = $"With --quick: also the day of {ReplayBench.LargeDayTrips} trips, made of all days of the file" };
var replay = new Command("replay", "Published trips through the whole platform: trips and reports per second, memory of platform and twin.") { files, large, quick, json };
replay.SetAction((parsed, ct) => ReplayBench.RunAsync(
    parsed.GetValue(files) is { Length: > 0 } given ? given : [ReplayBench.UsualFile], parsed.GetValue(large), parsed.GetValue(quick), parsed.GetValue(json), ct));

var root = new RootCommand("Benchmarks, each beside its peer or limit in one run.") { booking, ingest, nearby, replay, unlock, serve, serveMqtt };
using var stopping = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = true;
    stopping.Cancel();
};
try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stopping.Token);
}
catch (OperationCanceledException) when (stopping.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("Interrupted.");
    return 130;
}
catch (Exception e) when (e is PlatformStartException or TripFileException)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}
