using Mobility.Host;
using Mobility.Platform;
using Mobility.Tests.Support;

namespace Mobility.Tests.Host;

/// <summary>The pools of a process fit into the server, or it does not start.</summary>
public sealed class ConnectionBudgetTests
{
    [Theory]
    [InlineData(7, 16, 297, true)]
    [InlineData(7, 12, 97, true)] // a server as it comes
    [InlineData(7, 13, 97, false)]
    [InlineData(1, 16, 24, true)]
    [InlineData(1, 17, 24, false)]
    public void Pools_are_added_up(int modules, int poolSize, int allowed, bool fits) => (ConnectionBudget.Fault(modules, poolSize, allowed) is null).ShouldBe(fits);

    [Fact]
    public void The_sentence_names_a_size_that_fits()
    {
        ConnectionBudget.Fault(7, 16, 97)!.ShouldContain("set Database:PoolSize to 12 or less");
        ConnectionBudget.Fault(7, 12, 97).ShouldBeNull();
    }

    [Fact]
    public async Task A_process_whose_pools_are_too_large_does_not_start()
    {
        await using var app = MobilityApp.Create(new MobilityAppOptions
        {
            ConnectionString = await TestPostgres.CreateDatabaseAsync(null),
            Settings = new Dictionary<string, string?> { ["Database:PoolSize"] = "100", ["Logging:LogLevel:Default"] = "Critical" },
        });
        var refused = await Should.ThrowAsync<PlatformStartException>(() => app.StartAsync(CancellationToken.None));
        refused.Message.ShouldContain("Database:PoolSize is 100");
        refused.Message.ShouldContain("the database allows 497");
    }
}
