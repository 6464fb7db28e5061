using System.Net.Http.Json;
using Mobility.Contracts;
using Mobility.Fleet;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;

namespace Mobility.Tests.Fleet;

/// <summary>What the audit finds when streams say what no rule of ours would let happen.</summary>
public sealed class CommandAuditTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static readonly AccountId Ann = Id.Named<AccountId>("audit-tests", "ann");
    private static readonly AccountId Bob = Id.Named<AccountId>("audit-tests", "bob");

    [Fact, Trait("Req", "INC-3"), Trait("Req", "FLT-2")]
    public async Task Commands_and_requests_that_never_end_and_vans_that_one_person_disabled_are_found()
    {
        var at = platform.Clock.GetUtcNow();
        var commands = Enumerable.Range(0, 6).Select(_ => Id.New<VehicleCommandId>(platform.Clock)).ToArray();
        var van = await NewVanAsync();
        await WriteAsync(van,
            new CommandRequested(commands[0], null, VehicleCommandKind.Horn, at, at.AddSeconds(30)), // never answered
            new CommandRequested(commands[1], null, VehicleCommandKind.Horn, at, at.AddSeconds(30)), new CommandDone(commands[1], at, null, at),
            new DisableAsked(commands[2], Ann, "stolen", at.AddMinutes(15), at), // never approved, never lapsed
            new DisableAsked(commands[3], Ann, "stolen", at.AddMinutes(15), at), new DisableApproved(commands[3], Ann, null, at),
            new StandstillAwaited(commands[3], TimeSpan.Zero, at.AddHours(1), at), new StandstillSeen(commands[3], at, at), // by one person
            new DisableAsked(commands[4], Ann, "stolen", at.AddMinutes(15), at), new DisableApproved(commands[4], Bob, null, at),
            new StandstillAwaited(commands[4], TimeSpan.Zero, at.AddHours(1), at), // never seen, never lapsed
            new DisableAsked(commands[5], Ann, "stolen", null, at),
            new StandstillAwaited(commands[5], TimeSpan.Zero, at.AddHours(1), at), new DisableEnded(commands[5], "withdrawn", Ann, at)); // nobody was asked to agree
        (await ViolationsAsync(at.AddSeconds(80), "fleet_commands_end")).ShouldBeEmpty();
        (await ViolationsAsync(at.AddSeconds(91), "fleet_commands_end")).ShouldBe([commands[0]]);
        (await ViolationsAsync(at.AddMinutes(17), "fleet_disables_end")).ShouldBe([commands[2]]);
        (await ViolationsAsync(at.AddHours(2), "fleet_disables_end")).ShouldBe([commands[2], commands[4]], ignoreOrder: true);
        (await ViolationsAsync(at, "fleet_disables_have_two")).ShouldBe([commands[3], commands[5]], ignoreOrder: true);
    }

    private async Task<VehicleId> NewVanAsync()
    {
        using var staff = platform.StaffClient();
        (await staff.PostAsJsonAsync("/v1/fleet/vehicles", new { city = "tiny", label = "audited", type = "van", position = new GeoPoint(51, 11), stateOfChargePercent = 90 },
            MobilityJson.Http)).EnsureSuccessStatusCode();
        return VehicleId.Of(new CityId("tiny"), "audited");
    }

    /// <summary>Past the rules and the schedule, as a fault would.</summary>
    private async Task WriteAsync(VehicleId vehicle, params VehicleEvent[] events)
    {
        for (var i = 0; i < events.Length; i++)
            await platform.ScalarAsync<object>($$"""
                INSERT INTO fleet.events (stream_id, version, stream_type, type, data, metadata, at) VALUES ('{{vehicle.Value}}', {{i + 2}}, 'vehicle',
                    '{{VehicleStream.Type.Events.NameOf(events[i])}}', '{{EventCatalog<VehicleEvent>.Write(events[i])}}', '{}', '{{platform.Clock.GetUtcNow():O}}')
                """);
    }

    private async Task<IReadOnlyList<VehicleCommandId>> ViolationsAsync(DateTimeOffset now, string check)
    {
        var module = platform.App.Modules.Single(m => m.Module == "fleet");
        await foreach (var result in Auditor.RunAsync([module], platform.Services, now, CancellationToken.None))
            if (result.Name.EndsWith(check, StringComparison.Ordinal))
                return [.. result.Violations.Select(violation => Id.Parse<VehicleCommandId>(violation.Split(' ')[0]))];
        throw new InvalidOperationException($"There is no check {check}.");
    }
}
