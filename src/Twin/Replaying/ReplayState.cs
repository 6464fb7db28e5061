using System.Text.Json;
using Mobility.Contracts;
using Mobility.Edge;
using Mobility.Platform;
using Mobility.Twin.Client;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Replaying;

/// <summary>
/// What an interrupted replay must know to go on, beside the platform's database and the folders of the bikes. It is written when nothing is under way but
/// rides, and deleted as soon as a run goes on from it: what lies on the disk always fits the database.
/// </summary>
public sealed record ReplayState
{
    /// <summary>Another number was written by another release.</summary>
    public const int CurrentFormat = 1;

    /// <summary>Of this file.</summary>
    public required int Format { get; init; }

    /// <summary>Names what is replayed: a state only fits the same files, day, zone and city.</summary>
    public required string Key { get; init; }

    /// <summary>Of the staff account in the city.</summary>
    public required string CrewPassword { get; init; }

    /// <summary>What the clock said when the first trip was lived.</summary>
    public required DateTimeOffset BeganAt { get; init; }

    /// <summary>What the clock says.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Trips that have begun; the next one has the number after.</summary>
    public required long Begun { get; init; }

    /// <summary>What became of them.</summary>
    public required TripCounts Counts { get; init; }

    /// <summary>The crew with the bikes.</summary>
    public required CrewState Crew { get; init; }

    /// <summary>Riders that have registered, counted from 1.</summary>
    public required int Riders { get; init; }

    /// <summary>Of these, who takes the next trips, in this order.</summary>
    public required IReadOnlyList<int> Waiting { get; init; }

    /// <summary>Rides that are under way.</summary>
    public required IReadOnlyList<RideState> Rides { get; init; }

    /// <summary>Times of the requests so far, as <c>LatencyBook</c> keeps them.</summary>
    public required LatencyState Latencies { get; init; }

    /// <summary>Writes it whole or not at all; only the own account may read it.</summary>
    public void Write(string path) =>
        WholeFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this, MobilityJson.Http), UnixFileMode.UserRead | UnixFileMode.UserWrite);

    /// <summary>The state in a file; null when there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">Of what is to be replayed.</param>
    /// <exception cref="PlatformStartException">It is damaged, or of another replay or release.</exception>
    public static ReplayState? Read(string path, string key)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            var state = JsonSerializer.Deserialize<ReplayState>(File.ReadAllBytes(path), MobilityJson.Http);
            return state switch
            {
                { Format: CurrentFormat } when state.Key == key => state,
                { Format: CurrentFormat } => throw new PlatformStartException(
                    $"The interrupted replay of {path} is of other files, another day, time zone or city; name the same ones, or begin anew with --fresh."),
                _ => throw new PlatformStartException($"The interrupted replay of {path} is of another release; begin anew with --fresh."),
            };
        }
        catch (Exception damaged) when (damaged is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new PlatformStartException($"The interrupted replay of {path} cannot be read ({damaged.Message}); begin anew with --fresh.", damaged);
        }
    }
}

/// <summary>The crew between two runs.</summary>
public sealed record CrewState
{
    /// <summary>Bikes brought so far.</summary>
    public required long Relocations { get; init; }

    /// <summary>Of these, bikes that had to be bought.</summary>
    public required long Bought { get; init; }

    /// <summary>Batteries swapped so far.</summary>
    public required long Swaps { get; init; }

    /// <summary>All bikes in the order of their numbers.</summary>
    public required IReadOnlyList<KeptVehicle> Bikes { get; init; }
}

/// <summary>A ride between two runs.</summary>
public sealed record RideState
{
    /// <summary>The number of its trip in the order of the replay, counted from 1.</summary>
    public required long Number { get; init; }

    /// <summary>The rider's number.</summary>
    public required int Rider { get; init; }

    /// <summary>The bike.</summary>
    public required VehicleId Bike { get; init; }

    /// <summary>The booking; null when it did not come to one.</summary>
    public BookingId? Booking { get; init; }

    /// <summary>When the platform ends it.</summary>
    public DateTimeOffset? MustEndBy { get; init; }

    /// <summary>Whether it could not start; its bike is idle again when the trip would have ended.</summary>
    public required bool HasFailed { get; init; }
}
