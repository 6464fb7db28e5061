using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Booking;

/// <summary>What a rider confirms once before the first booking of a scooter or e-bike (requirement BKG-2).</summary>
/// <param name="Kind">For this kind of vehicle.</param>
/// <param name="Version">A changed list has a new one and must be confirmed again.</param>
/// <param name="Items">What the rider confirms.</param>
internal sealed record SafetyChecklist(VehicleKind Kind, int Version, IReadOnlyList<string> Items)
{
    public static readonly IReadOnlyList<SafetyChecklist> All =
    [
        new(VehicleKind.Scooter, 1,
        [
            "I am old enough to ride an e-scooter where I am, and I ride alone.",
            "I have not had alcohol or drugs.",
            "I check brakes, lights, tires and handlebar before I start.",
            "I ride on cycle paths or the road, never on the pavement, and wear a helmet where I can.",
            "I park where nobody has to walk around the scooter.",
        ]),
        new(VehicleKind.EBike, 1,
        [
            "I have not had alcohol or drugs.",
            "I check brakes, lights, tires and the height of the saddle before I start.",
            "I know that the motor helps at once when I push the pedals.",
            "I ride on cycle paths or the road, never on the pavement, and wear a helmet where I can.",
            "I park where nobody has to walk around the bike.",
        ]),
    ];

    public static SafetyChecklist? Of(VehicleKind kind) => All.FirstOrDefault(list => list.Kind == kind);

    public sealed record Reply(IReadOnlyList<SafetyChecklist> Checklists);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/safety-checklists", () => TypedResults.Ok(new Reply(All))).WithName("GetSafetyChecklists")
        .WithSummary("What a rider confirms with safetyChecklist in the first booking of a kind.").OpenToAll();
}

/// <summary>Who has confirmed. It is never taken back, so what was seen once need not be asked of the database again.</summary>
internal sealed class SafetyConfirmations
{
    public const int RememberedMax = 100_000;

    private readonly ConcurrentDictionary<(AccountId, VehicleKind), int> _remembered = new();

    /// <summary>Makes the confirmation part of a reservation's transaction: it is stored, or else must be there. Costs no round trip.</summary>
    public void Require(Work work, AccountId rider, VehicleKind kind, bool confirms)
    {
        if (SafetyChecklist.Of(kind) is not { } list || _remembered.GetValueOrDefault((rider, kind)) == list.Version)
            return;
        if (confirms)
        {
            work.Execute(ConfirmSql, rider.Value, BookingsView.Word(kind), list.Version, work.Now);
            return;
        }
        work.ExecuteFirst(RequireSql, rider.Value, BookingsView.Word(kind), list.Version);
        work.OnLaw("safety_checklist_confirmed", () => BookingProblems.SafetyChecklistNeeded(list));
    }

    /// <summary>The reservation stands, so the confirmation is stored.</summary>
    public void Remember(AccountId rider, VehicleKind kind)
    {
        if (SafetyChecklist.Of(kind) is not { } list)
            return;
        if (_remembered.Count >= RememberedMax)
            _remembered.Clear();
        _remembered[(rider, kind)] = list.Version;
    }

    private const string ConfirmSql = """
        INSERT INTO safety_checklists (rider_id, kind, version, accepted_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (rider_id, kind) DO UPDATE SET version = excluded.version, accepted_at = excluded.accepted_at
        WHERE safety_checklists.version < excluded.version
        """;

    private const string RequireSql = """
        SELECT platform.require(EXISTS (SELECT FROM safety_checklists WHERE rider_id = $1 AND kind = $2 AND version >= $3), 'safety_checklist_confirmed')
        """;
}
