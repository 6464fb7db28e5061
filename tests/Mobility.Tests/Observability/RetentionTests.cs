using System.Net.Http.Json;
using Mobility.Tests.Support;

namespace Mobility.Tests.Observability;

/// <summary>What nobody needs any more is deleted; what somebody has not read yet is not.</summary>
public sealed class RetentionTests : ObservedFixture
{
    [Fact, Trait("Req", "EVT-7")]
    public async Task Old_messages_are_deleted_when_every_subscription_of_every_module_has_passed_them()
    {
        await Http.PostAsJsonAsync("/v1/notes", new { text = "old" });
        await Eventually.TrueAsync(() => Task.FromResult(Module.Heard.Count == 1), "the reaction");
        await ExecuteAsync("""
            INSERT INTO platform.migrations VALUES ('elsewhere', 0, 'module.sql', 'x', '2026-06-01T08:00:00Z');
            CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.checkpoints (LIKE observed.checkpoints INCLUDING ALL);
            INSERT INTO elsewhere.checkpoints (name) VALUES ('elsewhere.lags');
            INSERT INTO observed.idempotency VALUES (gen_random_uuid(), 'old', '\x00', 200, NULL, '2026-06-01T08:00:00Z')
            """);
        Clock.Advance(TimeSpan.FromDays(8));
        await ExecuteAsync("INSERT INTO observed.idempotency VALUES (gen_random_uuid(), 'young', '\\x00', 200, NULL, '2026-06-09T07:00:00Z')");
        await Http.PostAsJsonAsync("/v1/notes", new { text = "young" });

        await Eventually.TrueAsync(async () => await CountAsync("SELECT count(*) FROM observed.idempotency WHERE key = 'old'") == 0, "deletion of old replies");
        (await CountAsync("SELECT count(*) FROM observed.idempotency WHERE key = 'young'")).ShouldBe(1);
        (await CountAsync("SELECT count(*) FROM bus.messages")).ShouldBe(2); // a subscription of another process lags

        await ExecuteAsync("UPDATE elsewhere.checkpoints SET xid = (SELECT max(xid::text::bigint)::text::xid8 FROM bus.messages), position = 1000000");
        Clock.Advance(TimeSpan.FromHours(2));
        await Eventually.TrueAsync(async () => await CountAsync("SELECT count(*) FROM bus.messages") == 1, "deletion of the old message");
        (await CountAsync("SELECT count(*) FROM bus.messages WHERE data->>'text' = 'young'")).ShouldBe(1);
    }
}
