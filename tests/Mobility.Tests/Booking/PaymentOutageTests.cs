using System.Net;
using System.Net.Http.Json;
using Mobility.Tests.Support;
using Mobility.Tests.Targets;

namespace Mobility.Tests.Bookings;

/// <summary>The payment provider is down, in one process.</summary>
public sealed class PaymentOutageTests(BookingPlatform platform) : PaymentOutageScenarios(platform), IClassFixture<BookingPlatform>;

/// <summary>The same when Payments runs in another process.</summary>
public sealed class PaymentOutageOnTwoProcessesTests(SplitPlatform platform) : PaymentOutageScenarios(platform), IClassFixture<SplitPlatform>;

/// <summary>What riders notice of it: nothing but a later receipt.</summary>
public abstract class PaymentOutageScenarios(BookingPlatform platform)
{
    [Fact, Trait("Req", "PAY-8")]
    public async Task A_ride_begins_and_ends_while_the_provider_is_down_and_is_settled_afterwards()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        var booking = await rider.BookAsync(vehicle.Id);
        await rider.ConfirmAsync(booking);
        await SwitchAsync(down: true);

        await rider.DoAsync(booking, "unlock");
        await vehicle.ObeyAsync();
        await platform.PassAsync(6);
        await rider.DoAsync(booking, "end");
        await vehicle.ObeyAsync(800);
        var ended = await Eventually.GetAsync(() => rider.GetAsync(booking), b => b.TryGetProperty("charge", out _), "the charge");
        ended.GetProperty("phase").GetString().ShouldBe("ended");
        ended.GetProperty("charge").GetProperty("total").GetProperty("amount").GetInt64().ShouldBe(100 + 6 * 20);
        ended.TryGetProperty("invoiceNumber", out _).ShouldBeFalse();
        (await vehicle.StateAsync()).ShouldBe("available");
        using (var nearby = await rider.Http.GetAsync("/v1/vehicles/nearby?lat=50&lon=11"))
            nearby.StatusCode.ShouldBe(HttpStatusCode.OK, await nearby.Content.ReadAsStringAsync());

        await SwitchAsync(down: false);
        await platform.PassAsync(60);
        (await BookingPlatform.SettledAsync(rider, booking)).GetProperty("invoiceNumber").GetString().ShouldNotBeNullOrEmpty();
        (await platform.ScalarAsync<decimal>("SELECT coalesce(sum(captured), 0)::decimal FROM payments.sim_intents")).ShouldBe(220);
    }

    private async Task SwitchAsync(bool down)
    {
        using var staff = platform.StaffClient();
        (await staff.PutAsJsonAsync("/v1/ops/payments/simulated-provider", new { down })).StatusCode.ShouldBe(HttpStatusCode.NoContent);
    }
}
