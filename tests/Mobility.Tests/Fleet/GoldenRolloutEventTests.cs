using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mobility.Contracts;
using Mobility.Fleet.Updates;
using Mobility.Platform.Events;

namespace Mobility.Tests.Fleet;

/// <summary>One file per stored event name of a rollout: what is written today, and what must be readable for ever. MOBILITY_ACCEPT=1 writes files that are missing.</summary>
public sealed class GoldenRolloutEventTests
{
    private static readonly DateTimeOffset At = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static readonly RolloutEvent[] Samples =
    [
        new RolloutStarted(new RolloutId(Guid.Parse("00000000-0000-7000-8000-000000000001")), 9, new CityId("tiny"), new VehicleTypeId("scooter"),
            new RolloutPlan(TimeSpan.FromMinutes(30), TimeSpan.FromDays(1), 90, 5), 40, At),
        new WaveOpened(5, 2, At), new RolloutStopped("too_many_failed", 1, At), new RolloutCompleted(39, At),
    ];

    [Fact, Trait("Req", "EVT-6")]
    public void Every_event_that_was_ever_stored_can_be_read()
    {
        var catalog = RolloutStream.Type.Events;
        foreach (var sample in Samples)
        {
            var (name, written) = (catalog.NameOf(sample), JsonNode.Parse(EventCatalog<RolloutEvent>.Write(sample))!);
            var file = Path.Combine(Folder(), $"{name}.json");
            if (!File.Exists(file) && Environment.GetEnvironmentVariable("MOBILITY_ACCEPT") == "1")
                File.WriteAllText(file, written.ToJsonString(Indented) + "\n");
            var golden = File.ReadAllText(file);
            JsonNode.DeepEquals(JsonNode.Parse(golden), written).ShouldBeTrue($"{name} is written differently than in {file}");
            catalog.Read(name, golden).ShouldBe(sample, $"{name} loses something when it is read");
        }
    }

    [Fact, Trait("Req", "EVT-6")]
    public void Every_stored_name_has_a_sample() =>
        Samples.Select(RolloutStream.Type.Events.NameOf).Order().ToArray().ShouldBe(RolloutStream.Type.Events.Names.Order().ToArray());

    private static string Folder([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "golden");
}
