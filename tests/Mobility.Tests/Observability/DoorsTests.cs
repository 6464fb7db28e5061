using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Mobility.Host;
using Mobility.Tests.Support;

namespace Mobility.Tests.Observability;

/// <summary>What every process tells about itself.</summary>
public sealed class DoorsTests(ObservedFixture fixture) : IClassFixture<ObservedFixture>
{
    [Fact, Trait("Req", "OBS-7")]
    public async Task A_process_in_order_is_ready_and_lists_its_dependencies()
    {
        var reply = await Eventually.GetAsync(() => fixture.Http.GetAsync("/health/ready"), r => r.StatusCode == HttpStatusCode.OK, "readiness");
        var health = await reply.Content.ReadFromJsonAsync<JsonElement>();

        health.GetProperty("status").GetString().ShouldBe("healthy");

        health.GetProperty("dependencies").EnumerateArray().Select(d => d.GetProperty("name").GetString())
            .ShouldBe(["database", "migrations", "parked_messages", "election", "bus"]);
        (await fixture.Http.GetAsync("/health/live")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact, Trait("Req", "OBS-7")]
    public async Task A_process_whose_scripts_did_not_all_run_is_not_ready()
    {
        await fixture.ExecuteAsync("UPDATE platform.migrations SET name = 'another.sql' WHERE module = 'observed'");
        try
        {
            var reply = await Eventually.GetAsync(() => fixture.Http.GetAsync("/health/ready"), r => r.StatusCode == HttpStatusCode.ServiceUnavailable, "unready");

            var health = await reply.Content.ReadFromJsonAsync<JsonElement>();
            health.GetProperty("status").GetString().ShouldBe("degraded");
            health.GetProperty("dependencies").EnumerateArray().Single(d => d.GetProperty("name").GetString() == "migrations")
                .GetProperty("detail").GetString().ShouldBe("observed/module.sql did not run");
        }
        finally
        {
            await fixture.ExecuteAsync("UPDATE platform.migrations SET name = 'module.sql' WHERE module = 'observed'");
        }
    }

    [Fact, Trait("Req", "OBS-7")]
    public async Task A_process_without_its_database_is_alive_but_not_ready()
    {
        var connectionString = await TestPostgres.CreateDatabaseAsync(null);
        var options = new MobilityAppOptions
        {
            ConnectionString = connectionString,
            AllModules = [new ObservedModule()],
            Settings = new Dictionary<string, string?> { ["Logging:LogLevel:Default"] = "None" },
        };
        await using (var first = MobilityApp.Create(options))
            await first.MigrateAsync(CancellationToken.None);
        await using var app = MobilityApp.Create(options with { ConnectionString = connectionString + ";Database=gone" });
        await app.StartAsync(CancellationToken.None);
        using var http = new HttpClient { BaseAddress = new Uri(app.Address) };

        (await http.GetAsync("/health/live")).StatusCode.ShouldBe(HttpStatusCode.OK);
        var ready = await http.GetAsync("/health/ready");
        ready.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await ready.Content.ReadAsStringAsync()).ShouldContain("\"name\":\"database\",\"status\":\"degraded\"");
    }

    [Fact]
    public async Task The_version_names_the_program_the_runtime_and_the_server()
    {
        var version = await fixture.Http.GetFromJsonAsync<JsonElement>("/version");

        version.GetProperty("version").GetString().ShouldNotBeNullOrEmpty();
        version.GetProperty("runtime").GetString()!.ShouldStartWith(".NET 10");
        char.IsAsciiDigit(version.GetProperty("postgres").GetString()![0]).ShouldBeTrue();
    }

    [Fact]
    public async Task Modules_are_listed_with_what_they_hear()
    {
        var modules = await fixture.Http.GetFromJsonAsync<JsonElement>("/modules");

        modules[0].GetProperty("name").GetString().ShouldBe("observed");
        modules[0].GetProperty("subscriptions")[0].GetProperty("contract").GetString().ShouldBe("observed.noted.v1");
    }

    [Fact]
    public async Task The_configuration_needs_a_permission_and_hides_secrets()
    {
        (await fixture.Http.GetAsync("/config")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        var text = await fixture.Operator.GetStringAsync("/config");
        var config = JsonDocument.Parse(text).RootElement;

        config.GetProperty("overrides").GetProperty("Database:PoolSize").GetString().ShouldBe("6");
        config.GetProperty("overrides").GetProperty("RateLimits:bookings").GetString().ShouldBe("33");
        config.GetProperty("overrides").GetProperty("Identity:KeyProtection").GetString().ShouldBe("***");
        text.ShouldNotContain("very secret");
        text.ShouldNotContain("Password=", Case.Insensitive);
    }
}
