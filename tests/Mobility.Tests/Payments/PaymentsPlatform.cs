using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Payments;
using Mobility.Payments.Provider;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Tests.Support;

namespace Mobility.Tests.Payments;

/// <summary>A platform on which the tests speak for Booking and Pricing.</summary>
public sealed class PaymentsPlatform : PlatformFixture
{
    public static readonly CityId City = new("tiny");
    private int _bookings;

    protected override IReadOnlyDictionary<string, string?> Settings => new Dictionary<string, string?>
    {
        ["Payments:SimulatedSlowness"] = "00:00:00.300",
        ["Payments:ProviderTimeout"] = "00:00:05",
        ["RateLimits:payment_methods"] = "100000",
    };

    internal Database<PaymentsModule> Database => Services.GetRequiredService<Database<PaymentsModule>>();

    internal SimulatedPaymentProvider Provider => Services.GetRequiredService<SimulatedPaymentProvider>();

    public async Task<Rider> NewRiderAsync(params string[] tokens)
    {
        var account = Id.New<AccountId>(Clock);
        var rider = new Rider(this, account, this.RiderClient(account));
        foreach (var token in tokens)
            await rider.AddMethodAsync(token);
        return rider;
    }

    public BookingId NewBooking() => Id.Named<BookingId>("payments-tests", $"{Interlocked.Increment(ref _bookings)}");

    public async Task PublishAsync(params (Guid Key, IContractEvent Event)[] messages)
    {
        var work = Services.GetRequiredService<CommandRunner<PaymentsModule>>().NewWork("test");
        foreach (var (key, message) in messages)
            work.Publish(key, message);
        await work.CommitAsync(CancellationToken.None);
    }

    public async Task GrantAsync(AccountId rider, long amount)
    {
        using var staff = this.StaffClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/accounts/{rider}/credits")
        {
            Content = JsonContent.Create(new { amount = new { amount, currency = "EUR" }, reason = "Sorry." }),
        };
        request.Headers.Add("Idempotency-Key", $"grant-{Id.NewValue(Clock)}");
        (await staff.SendAsync(request)).StatusCode.ShouldBe(HttpStatusCode.Created);
        await SettleAsync();
    }

    public async Task SwitchProviderAsync(bool down)
    {
        using var staff = this.StaffClient();
        (await staff.PutAsJsonAsync("/v1/ops/payments/simulated-provider", new { down })).StatusCode.ShouldBe(HttpStatusCode.NoContent);
    }

    /// <summary>Every law of the module's audit.</summary>
    public async Task AuditAsync()
    {
        await SettleAsync();
        foreach (var check in Audits.All)
            (await Database.QueryAsync<string>(check.Sql, new { now = Clock.GetUtcNow() }, CancellationToken.None)).ShouldBeEmpty(check.Law);
    }

    /// <summary>A rider, and what Booking and Pricing say of the rider's bookings.</summary>
    public sealed record Rider(PaymentsPlatform Platform, AccountId Account, HttpClient Client)
    {
        public async Task<HttpResponseMessage> PostMethodAsync(string token) => await Client.PostAsJsonAsync("/v1/payments/methods", new { token });

        public async Task AddMethodAsync(string token)
        {
            (await PostMethodAsync(token)).StatusCode.ShouldBe(HttpStatusCode.Created);
            Platform.Clock.Advance(TimeSpan.FromMilliseconds(1)); // the newest method is the one in use
        }

        public async Task<BookingId> ConfirmAsync(long amount = 1000, BookingId? booking = null)
        {
            var id = booking ?? Platform.NewBooking();
            await Platform.PublishAsync((id.Value, new BookingConfirmationRequestedV1(id, Account, City, new(amount, Currency.Eur))));
            await Platform.SettleAsync();
            return id;
        }

        public async Task ReleaseAsync(BookingId booking, ReleaseReason reason = ReleaseReason.Cancelled, bool feeDue = false)
        {
            var vehicle = Id.Named<VehicleId>("payments-tests", "vehicle");
            await Platform.PublishAsync((vehicle.Value, new BookingReleasedV1(booking, Account, vehicle, City, reason, true, Platform.Clock.GetUtcNow()) { FeeDue = feeDue }));
            await Platform.SettleAsync();
        }

        public async Task ChargeAsync(BookingId booking, long total)
        {
            await Platform.PublishAsync(ChargeOf(booking, total));
            await Platform.SettleAsync();
        }

        public (Guid, IContractEvent) ChargeOf(BookingId booking, long total) =>
            (booking.Value, new RideChargedV1(booking, Account, City, PaymentsSamples.ChargeOf(total), Platform.Clock.GetUtcNow()));

        public async Task<JsonElement> PaymentAsync(BookingId booking) => await Client.GetFromJsonAsync<JsonElement>($"/v1/payments/{booking}");

        public async Task<string> StatusAsync(BookingId booking) => (await PaymentAsync(booking)).GetProperty("status").GetString()!;

        public async Task<JsonElement[]> InvoicesAsync() => [.. (await Client.GetFromJsonAsync<JsonElement>("/v1/invoices")).GetProperty("items").EnumerateArray()];

        public async Task<long> BalanceAsync()
        {
            var balances = (await Client.GetFromJsonAsync<JsonElement>("/v1/wallet")).GetProperty("balances");
            return balances.GetArrayLength() == 0 ? 0 : balances[0].GetProperty("amount").GetInt64();
        }
    }
}
