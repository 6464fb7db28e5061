using System.Collections.Immutable;
using Mobility.Contracts;
using Mobility.Twin.Client;
using Mobility.Twin.Stage;
using Mobility.Twin.Streets;

namespace Mobility.Twin.Living;

/// <summary>What a run of a living city is made of.</summary>
public sealed record CityRunSettings
{
    /// <summary>Every chance is drawn from it.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>People who may want to ride.</summary>
    public int Riders { get; init; } = 1_000;

    /// <summary>Vehicles that are switched on, of all kinds alike; null for all.</summary>
    public int? Vehicles { get; init; }

    /// <summary>Simulated seconds in a second at most; null for as fast as it goes.</summary>
    public double? Speed { get; init; }

    /// <summary>What goes wrong.</summary>
    public Fault Faults { get; init; }

    /// <summary>How the crew works.</summary>
    public CrewPolicy Crew { get; init; } = new();

    /// <summary>When people of a real city ride; null for the hours of the habits.</summary>
    public LearntHours? Learnt { get; init; }

    /// <summary>The city's streets; null for a grid that is drawn.</summary>
    public StreetGraph? Streets { get; init; }

    /// <summary>Hears of everybody who walks away.</summary>
    public Action<UnmetWish>? WalkedAway { get; init; }

    /// <summary>Unique among the runs on one database.</summary>
    public string Name { get; init; } = "city";
}

/// <summary>How far a city has come.</summary>
/// <param name="At">The platform's clock.</param>
/// <param name="Rides">Rides that were paid.</param>
/// <param name="Unmet">People who walked away.</param>
/// <param name="LetDown">Times that the platform let somebody down.</param>
public readonly record struct CityProgress(DateTimeOffset At, long Rides, long Unmet, long LetDown);

/// <summary>
/// A city that lives: people with needs (<see cref="DemandModel"/>) call the HTTP API, vehicles are the agents that ship, a crew uses staff endpoints, and things
/// go wrong (<see cref="FaultPlan"/>). On injected time as fast as the platform goes, or in real time beside people who try it.
/// </summary>
public sealed class CityRun : IAsyncDisposable
{
    private const int RestRounds = 48;
    private const int ShiftFromHour = 6;
    private const int ShiftUntilHour = 22;
    private const int PacksAgainHour = 14;
    private const int FullPercent = 100;

    /// <summary>Every vehicle says where it stands every eight minutes, before it is thought silent.</summary>
    private static readonly TimeSpan RestRoundEvery = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan RestartedWithin = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan CrewWorksEvery = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan AcknowledgedWithin = TimeSpan.FromSeconds(90); // a vehicle that found nobody waits up to a minute before it tries again
    private readonly PlatformHandle _platform;
    private readonly CityRunSettings _settings;
    private readonly FaultPlan _faults;
    private readonly LatencyBook _latencies = new();
    private readonly VehicleTicks _ticks;
    private readonly DemandModel _demand;
    private readonly CityEvents _events;
    private DateTimeOffset _until = DateTimeOffset.MaxValue;

    /// <summary>Prepares a run.</summary>
    /// <param name="platform">A started platform with its city.</param>
    /// <param name="settings">What the run is made of.</param>
    /// <param name="staff">An operations manager of the city.</param>
    /// <param name="folder">For the vehicles' own folders; made when it is not there.</param>
    /// <exception cref="ArgumentException">The city has no bays, the account no password, or the platform that is to crash no process of its own.</exception>
    public CityRun(PlatformHandle platform, CityRunSettings settings, StaffAccount staff, string folder)
    {
        (_platform, _settings, _faults) = (platform, settings, new FaultPlan(settings.Faults, settings.Seed));
        Places = new CityOfPlaces(platform.City, settings.Seed);
        _events = new CityEvents(Places, settings.Seed, _faults.Has(Fault.Storm), _faults.Has(Fault.Stadium), settings.Riders);
        _demand = new DemandModel(Places, settings.Seed, settings.Riders, _events, settings.Learnt);
        if (_faults.Has(Fault.Crash) && platform.CrashAsync is null)
            throw new ArgumentException("The platform lives in this process and cannot be killed.", nameof(platform));
        Client = new PlatformClient(platform.Address, PlatformClient.CityConnectionsMax, _latencies) { RepeatsFor = _faults.Has(Fault.Crash) ? RestartedWithin : TimeSpan.Zero };
        var grid = new StreetGrid(settings.Seed);
        Streets = settings.Streets is { } graph ? new StreetMap(graph, grid) : grid;
        Radios = new RadioMap(Places, _faults);
        Measures = new CityMeasures(Places.Zone, settings.WalkedAway);
        Riders = new RiderPool(Client, platform, _faults, Directory.CreateDirectory(folder).FullName);
        Timeline = new Timeline(platform, new Pace(settings.Speed ?? double.PositiveInfinity, platform.Clock.GetUtcNow(), TimeProvider.System));
        var password = staff.DemoPassword ?? throw new ArgumentException("The staff account has no password to sign in with.", nameof(staff));
        Crew = new CityCrew(Client, platform, Visitor.Person(Client, platform.Clock, staff.Email, password), Places, _faults, settings.Crew, Measures, folder);
        Troubles = new CityTroubles(this, platform, _faults);
        _ticks = new VehicleTicks(() => Crew.Vehicles);
    }

    internal string Name => _settings.Name;
    internal PlatformClient Client { get; }
    internal CityOfPlaces Places { get; }
    internal IStreets Streets { get; }
    internal RadioMap Radios { get; }
    internal CityMeasures Measures { get; }
    internal RiderPool Riders { get; }
    internal CityCrew Crew { get; }
    internal Timeline Timeline { get; }
    internal CityTroubles Troubles { get; }

    /// <summary>So many vehicles of a fleet, of all kinds alike; all for null.</summary>
    public static ImmutableArray<FleetVehicle> Sample(ImmutableArray<FleetVehicle> fleet, int? wanted)
    {
        var count = Math.Min(wanted ?? fleet.Length, fleet.Length);
        return [.. Enumerable.Range(0, count).Select(index => fleet[(int)((long)index * fleet.Length / count)])];
    }

    /// <summary>The crew takes over the vehicles.</summary>
    /// <exception cref="RefusedException">The platform refuses the crew.</exception>
    public async Task PrepareAsync(CancellationToken ct)
    {
        await Crew.TakeOverAsync(Sample(_platform.City.Fleet, _settings.Vehicles), ct);
        await _platform.SettleAsync(ct);
    }

    /// <summary>Lives until a time; rides that have begun by then are finished.</summary>
    /// <exception cref="RefusedException">The crew is refused.</exception>
    public async Task<CityResult> RunAsync(DateTimeOffset until, IProgress<CityProgress> progress, CancellationToken ct)
    {
        _until = until;
        var began = Timeline.Now;
        var wishes = _demand.From(began).GetEnumerator();
        NextWish(wishes, progress);
        Timeline.Every(RestRoundEvery, until, RestAsync);
        Timeline.Every(CrewWorksEvery, until, WorkAsync);
        Troubles.Begin(until);
        await Timeline.RunAsync(until, ct);
        await Timeline.RunOutAsync(ct);
        foreach (var vehicle in Crew.Vehicles)
        {
            if (vehicle.Faults.Radio is { } radio)
                radio.IsDead = false;
            if (vehicle.IsDead)
                vehicle.Charge(FullPercent);
            vehicle.Rest(Timeline.Now); // the last thing that was done to it, it has not told of yet
        }
        await PlatformClient.LookAsync(() => Task.FromResult(Crew.Vehicles.All(vehicle => vehicle.IsAllAcknowledged)), AcknowledgedWithin, ct);
        await _platform.SettleAsync(ct);
        Report(progress);
        return new CityResult
        {
            Counts = Measures.Read(),
            Vehicles = Crew.Vehicles.Length,
            Accounts = Riders.Count,
            Swaps = Crew.Swaps,
            Relocations = Crew.Relocations,
            TelemetryMessages = Crew.Vehicles.Sum(vehicle => vehicle.Reports),
            Unacknowledged = Crew.Vehicles.Count(vehicle => !vehicle.IsAllAcknowledged),
            Simulated = Timeline.Now - began,
            Latencies = _latencies.ToList(),
            Problems = _latencies.Problems,
        };
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ticks.DisposeAsync();
        await Crew.DisposeAsync();
        Client.Dispose();
    }

    /// <summary>On injected time: waits until all that vehicles told has had its effects, so that what people see does not depend on how fast the machine is.</summary>
    internal async Task CalmAsync(CancellationToken ct)
    {
        if (_platform.IsInRealTime)
            return;
        await Crew.HeardAsync(ct);
        await _platform.SettleAsync(ct);
    }

    private void NextWish(IEnumerator<Wish> wishes, IProgress<CityProgress> progress)
    {
        wishes.MoveNext();
        var wish = wishes.Current;
        if (wish.At > _until)
            return;
        Timeline.At(wish.At, async ct =>
        {
            await new Outing(this, wish).LookAsync(ct);
            Report(progress);
            NextWish(wishes, progress);
        });
    }

    private async Task RestAsync(long round, CancellationToken ct)
    {
        var turn = Enumerable.Range(0, Crew.Vehicles.Length).Where(number => number % RestRounds == round % RestRounds).Select(number => Crew.Vehicles[number]).ToArray();
        await Crew.BackAsync(turn);
        foreach (var vehicle in turn.Where(CityCrew.IsFree))
            vehicle.Rest(Timeline.Now);
    }

    private async Task WorkAsync(long round, CancellationToken ct)
    {
        var local = TimeZoneInfo.ConvertTime(Timeline.Now, Places.Zone);
        if (local.Hour is < ShiftFromHour or >= ShiftUntilHour)
            return;
        if (round == 1 || (local.Hour is ShiftFromHour or PacksAgainHour && local.Minute < CrewWorksEvery.TotalMinutes))
            Crew.LoadPacks();
        await Crew.BackAsync(Crew.Vehicles);
        await CalmAsync(ct); // what a vehicle told in this same instant must not come after the crew's word of where it stands now
        await Crew.WorkAsync(Timeline.Now, ct);
    }

    private void Report(IProgress<CityProgress> progress)
    {
        var counts = Measures.Read();
        progress.Report(new CityProgress(Timeline.Now, counts.GetValueOrDefault("rides"), counts.GetValueOrDefault("unmet"), counts.GetValueOrDefault("let_down")));
    }
}

/// <summary>What a run came to.</summary>
public sealed record CityResult
{
    /// <summary>Counts by name.</summary>
    public required IReadOnlyDictionary<string, long> Counts { get; init; }

    /// <summary>Vehicles that lived.</summary>
    public required int Vehicles { get; init; }

    /// <summary>Accounts with which people rode.</summary>
    public required int Accounts { get; init; }

    /// <summary>Batteries that the crew swapped.</summary>
    public required long Swaps { get; init; }

    /// <summary>Vehicles that the crew brought to where people found none.</summary>
    public required long Relocations { get; init; }

    /// <summary>Reports of vehicles.</summary>
    public required long TelemetryMessages { get; init; }

    /// <summary>Vehicles with something that the platform has not acknowledged at the end.</summary>
    public required int Unacknowledged { get; init; }

    /// <summary>From begin to end by the platform's clock.</summary>
    public required TimeSpan Simulated { get; init; }

    /// <summary>Times of the requests.</summary>
    public required IReadOnlyList<StepLatency> Latencies { get; init; }

    /// <summary>Requests that were refused or not answered, by step and code; also those whose repetition was answered.</summary>
    public required IReadOnlyDictionary<string, long> Problems { get; init; }
}
