using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Identity;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Tests.Support;

namespace Mobility.Tests.Identity;

public sealed class AccessTests(IdentityPlatform platform) : IClassFixture<IdentityPlatform>
{
    private static readonly Dictionary<string, string> OpenToAll = new(StringComparer.Ordinal)
    {
        ["RegisterAccount"] = "nobody has an account before",
        ["IssueToken"] = "nobody has a token before",
        ["SendPasswordCode"] = "who forgot the password cannot sign in",
        ["SetPassword"] = "the code is the proof",
        ["RevokeToken"] = "the token itself is the proof",
        ["GetDiscovery"] = "public by its nature",
        ["GetKeys"] = "public by its nature",
        ["FindMail"] = "development only",
        ["ShowMailbox"] = "development only",
    };

    [Fact, Trait("Req", "SEC-1")]
    public void Every_endpoint_of_these_modules_says_who_may_call_it_and_the_open_ones_are_listed()
    {
        var endpoints = platform.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<IEndpointGroupNameMetadata>()?.EndpointGroupName is "identity" or "notifications").ToArray();
        endpoints.ShouldNotBeEmpty();
        foreach (var endpoint in endpoints)
        {
            var rule = endpoint.Metadata.GetMetadata<AccessRule>().ShouldNotBeNull(endpoint.DisplayName);
            var name = endpoint.Metadata.GetMetadata<IEndpointNameMetadata>().ShouldNotBeNull(endpoint.DisplayName).EndpointName;
            rule.Anonymous.ShouldBe(OpenToAll.ContainsKey(name), name);
        }
    }

    [Theory, Trait("Req", "SEC-1")]
    [InlineData("GET", "/v1/accounts/me")]
    [InlineData("POST", "/v1/accounts/me/verify")]
    [InlineData("POST", "/v1/accounts/me/codes")]
    [InlineData("POST", "/v1/accounts/me/terms")]
    [InlineData("POST", "/v1/signing-keys")]
    [InlineData("PUT", "/v1/services/x")]
    [InlineData("POST", "/v1/devices/veh_00000000000000000000000000/credentials")]
    public async Task Nothing_is_done_for_somebody_without_a_token(string method, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        await Replies.RefusedAsync(await platform.Http.SendAsync(request), HttpStatusCode.Unauthorized, "auth.token_required");
    }

    [Fact, Trait("Req", "IDN-5"), Trait("Req", "SEC-1")]
    public async Task Each_role_opens_exactly_the_doors_it_has_the_permission_for()
    {
        (string Permission, Func<HttpClient, Task<HttpResponseMessage>> Knock)[] doors =
        [
            ("account.self", c => c.GetAsync("/v1/accounts/me")),
            ("fleet.manage", c => c.PostAsync($"/v1/devices/{Id.New<VehicleId>(platform.Clock)}/credentials", null)),
            ("accounts.manage", c => c.PutAsJsonAsync("/v1/services/partner", new { permissions = new[] { "fleet.read" } })),
        ];
        foreach (var role in Roles.All)
            foreach (var (permission, knock) in doors)
            {
                using var client = platform.StaffClient(role);
                ((await knock(client)).StatusCode == HttpStatusCode.Forbidden).ShouldBe(!Roles.PermissionsOf(role).Contains(permission), $"{role} at {permission}");
            }
    }

    [Fact, Trait("Req", "IDN-5")]
    public async Task A_denied_action_is_counted()
    {
        var denied = 0L;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name == "mobility.http.denied")
                    self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref denied, value));
        listener.Start();
        await Replies.RefusedAsync(await platform.StaffClient("finance").PostAsync("/v1/signing-keys", null), HttpStatusCode.Forbidden, "auth.forbidden");
        Interlocked.Read(ref denied).ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_service_account_has_the_permissions_it_was_given_and_no_unknown_ones()
    {
        var admin = platform.StaffClient();
        var made = await IdentityPlatform.JsonOf(await admin.PutAsJsonAsync("/v1/services/city-partner", new { permissions = new[] { "fleet.read" } }), HttpStatusCode.OK);
        var reply = await IdentityPlatform.JsonOf(await platform.TokenAsync(("grant_type", "client_credentials"),
            ("client_id", made.GetProperty("clientId").GetString()!), ("client_secret", made.GetProperty("clientSecret").GetString()!)), HttpStatusCode.OK);
        reply.GetProperty("scope").GetString().ShouldBe("fleet.read");
        (await admin.PutAsJsonAsync("/v1/services/city-partner", new { permissions = new[] { "everything" } })).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Staff_of_the_city_pack_sign_in_with_their_role()
    {
        await LoadDemoStaffAsync();
        var admin = await platform.SignInAsync("ADMIN@test.example", "a demo password");
        admin.Scope.ShouldBe(Roles.PermissionsOf("admin"));
        (await admin.MeAsync()).GetProperty("kind").GetString().ShouldBe("staff");
        await LoadDemoStaffAsync(); // again: nothing is reset
        (await platform.ScalarAsync<long>("SELECT count(*) FROM identity.accounts WHERE email_key = 'admin@test.example'")).ShouldBe(1);
    }

    private Task LoadDemoStaffAsync() => platform.Services.GetServices<IPackLoader>().OfType<StaffLoader>().Single().LoadAsync(Pack, CancellationToken.None);

    private static readonly CityPack Pack = new()
    {
        City = new City
        {
            Id = new CityId("test"),
            Name = "Test",
            TimeZone = "Europe/Berlin",
            Currency = Currency.Eur,
            Language = "de",
            Center = new Mobility.Geo.GeoPoint(51.3, 12.3),
            VatBasisPoints = 1900,
        },
        Zones = [],
        GlobalRules = [],
        Bays = [],
        VehicleTypes = [],
        Tariffs = [],
        OpeningRules = [],
        Fleet = [],
        Staff = [new StaffAccount { Email = "Admin@test.example", DisplayName = "Ada", Role = StaffRole.Admin, DemoPassword = "a demo password" }],
    };
}
