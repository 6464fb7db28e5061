using System.Net;
using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Mobility.Contracts;
using Mobility.Tests.Support;
using Mobility.Tests.Targets;

namespace Mobility.Tests.Bookings;

/// <summary>Tokens that open a vehicle without network, in one process.</summary>
public sealed class UnlockTokenTests(BookingPlatform platform) : UnlockTokenScenarios(platform), IClassFixture<BookingPlatform>;

/// <summary>The same when Fleet, who signs, runs in another process than Booking, who is asked.</summary>
public sealed class UnlockTokenOnTwoProcessesTests(SplitPlatform platform) : UnlockTokenScenarios(platform), IClassFixture<SplitPlatform>;

public abstract class UnlockTokenScenarios(BookingPlatform platform)
{
    [Fact, Trait("Req", "UNL-1"), Trait("Req", "UNL-3")]
    public async Task A_token_opens_the_vehicle_and_the_ride_begins_at_the_vehicles_own_time()
    {
        var (rider, vehicle, booking) = await ConfirmedAsync();
        var (token, read) = await TokenAsync(rider, booking);
        read.Typ.ShouldBe("unlock+jwt");
        read.Alg.ShouldBe("ES256");
        read.Audiences.ShouldHaveSingleItem().ShouldBe(vehicle.Id.ToString());
        read.Subject.ShouldBe(rider.Id.ToString());
        read.GetPayloadValue<string>("booking").ShouldBe(booking);
        (read.ValidTo - read.IssuedAt).ShouldBe(TimeSpan.FromSeconds(60));
        (await IsSignedAsync(token, vehicle.Id)).ShouldBeTrue();
        var opened = platform.Clock.GetUtcNow();
        await platform.PassAsync(10); // the vehicle had no network
        await vehicle.ReportAsync("unlocked", null, token: token, at: opened);
        await platform.SettleAsync();
        (await rider.PhaseAsync(booking)).ShouldBe("riding");
        await rider.DoAsync(booking, "end");
        await vehicle.ObeyAsync(800);
        var settled = await BookingPlatform.SettledAsync(rider, booking);
        settled.GetProperty("charge").GetProperty("total").GetProperty("amount").GetInt64().ShouldBe(100 + 10 * 20);
    }

    [Fact, Trait("Req", "UNL-2")]
    public async Task A_token_that_is_not_good_for_the_vehicle_at_that_time_begins_no_ride()
    {
        var (rider, vehicle, booking) = await ConfirmedAsync();
        var (token, _) = await TokenAsync(rider, booking);
        var other = await platform.NewVehicleAsync();
        await other.ReportAsync("unlocked", null, token: token); // another vehicle's
        await vehicle.ReportAsync("unlocked", null, token: Forged(vehicle.Id, booking, rider.Id)); // another's key
        await vehicle.ReportAsync("unlocked", null, token: rider.Http.DefaultRequestHeaders.Authorization!.Parameter); // an access token
        await vehicle.ReportAsync("unlocked", null, token: "nonsense");
        await platform.PassAsync(4);
        await vehicle.ReportAsync("unlocked", null, token: token); // expired
        await platform.SettleAsync();
        (await rider.PhaseAsync(booking)).ShouldBe("confirmed");
    }

    [Fact, Trait("Req", "UNL-2")]
    public async Task A_token_is_good_once()
    {
        var (rider, vehicle, booking) = await ConfirmedAsync();
        var (token, _) = await TokenAsync(rider, booking);
        await vehicle.ReportAsync("unlocked", null, token: token);
        await platform.SettleAsync();
        await rider.DoAsync(booking, "pause");
        await vehicle.ObeyAsync();
        (await rider.PhaseAsync(booking)).ShouldBe("paused");
        await vehicle.ReportAsync("unlocked", null, token: token); // recorded by somebody and played again
        await platform.SettleAsync();
        (await rider.PhaseAsync(booking)).ShouldBe("paused");
        await vehicle.ReportAsync("unlocked", null, token: (await TokenAsync(rider, booking)).Token);
        await platform.SettleAsync();
        (await rider.PhaseAsync(booking)).ShouldBe("riding");
    }

    [Fact, Trait("Req", "UNL-1")]
    public async Task Only_the_rider_of_an_active_confirmed_booking_gets_a_token()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await rider.BookAsync(vehicle.Id);
        await Replies.RefusedAsync(await rider.PostAsync($"/v1/bookings/{booking}/unlock-token"), HttpStatusCode.Conflict, "booking.wrong_phase");
        await rider.ConfirmAsync(booking);
        var stranger = await platform.NewRiderAsync();
        await Replies.RefusedAsync(await stranger.PostAsync($"/v1/bookings/{booking}/unlock-token"), HttpStatusCode.NotFound, "booking.not_found");
        var (token, _) = await TokenAsync(rider, booking, "the same key");
        (await TokenAsync(rider, booking, "the same key")).Token.ShouldBe(token);
        await rider.DoAsync(booking, "cancel");
        await Replies.RefusedAsync(await rider.PostAsync($"/v1/bookings/{booking}/unlock-token"), HttpStatusCode.Conflict, "booking.wrong_phase");
        await vehicle.ReportAsync("unlocked", null, token: token); // too late: it is told to lock again, and nobody pays
        await platform.SettleAsync();
        (await vehicle.CommandsAsync()).ShouldHaveSingleItem().ShouldBe("lock");
        (await rider.GetAsync(booking)).TryGetProperty("charge", out _).ShouldBeFalse();
    }

    [Fact]
    public async Task Who_holds_a_token_is_not_released_while_it_may_be_used_and_tokens_keep_no_vehicle_for_ever()
    {
        var (rider, _, booking) = await ConfirmedAsync();
        await platform.PassAsync(29.5);
        await TokenAsync(rider, booking);
        await platform.PassAsync(1);
        (await rider.PhaseAsync(booking)).ShouldBe("confirmed");
        await Replies.RefusedAsync(await rider.PostAsync($"/v1/bookings/{booking}/unlock-token"), HttpStatusCode.Conflict, "booking.expired");
        await platform.PassAsync(2);
        (await rider.PhaseAsync(booking)).ShouldBe("released");
    }

    private async Task<(RiderClient Rider, VehicleClient Vehicle, string Booking)> ConfirmedAsync()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await rider.BookAsync(vehicle.Id);
        await rider.ConfirmAsync(booking);
        await platform.SettleAsync();
        return (rider, vehicle, booking);
    }

    private static async Task<(string Token, JsonWebToken Read)> TokenAsync(RiderClient rider, string booking, string? key = null)
    {
        var reply = await RiderClient.OkAsync(await rider.PostAsync($"/v1/bookings/{booking}/unlock-token", key: key));
        var token = reply.GetProperty("token").GetString()!;
        return (token, new JsonWebTokenHandler().ReadJsonWebToken(token));
    }

    private async Task<bool> IsSignedAsync(string token, VehicleId vehicle)
    {
        var keys = new JsonWebKeySet(await platform.Http.GetStringAsync("/v1/unlock-keys"));
        keys.Keys.ShouldAllBe(key => !key.HasPrivateKey);
        return (await new JsonWebTokenHandler().ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = "mobility.fleet",
            ValidAudience = vehicle.ToString(),
            IssuerSigningKeys = keys.GetSigningKeys(),
            ValidateLifetime = false,
        })).IsValid;
    }

    private string Forged(VehicleId vehicle, string booking, AccountId rider)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = platform.Clock.GetUtcNow();
        return new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            TokenType = UnlockTokenWords.Type,
            Issuer = UnlockTokenWords.Issuer,
            Audience = vehicle.ToString(),
            IssuedAt = now.UtcDateTime,
            Expires = now.UtcDateTime.AddSeconds(60),
            SigningCredentials = new SigningCredentials(new ECDsaSecurityKey(key), SecurityAlgorithms.EcdsaSha256),
            Claims = new Dictionary<string, object> { ["sub"] = rider.ToString(), ["jti"] = "n", ["booking"] = booking },
        });
    }
}
