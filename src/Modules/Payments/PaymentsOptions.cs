using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Mobility.Payments;

/// <summary>Section <c>Payments</c>.</summary>
internal sealed class PaymentsOptions
{
    public const string Section = "Payments";

    /// <summary>Longest wait for one answer of the provider (GWY-3: at most 30 seconds).</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:00:30")]
    public TimeSpan ProviderTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long nobody asks a provider that failed three times in a row.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:10:00")]
    public TimeSpan BreakerPause { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether the simulated provider also reports by webhook what it already answered. What happens later (3-D Secure) is always reported.</summary>
    public bool SimulatedWebhooks { get; set; } = true;

    /// <summary>Where the simulated provider sends webhooks; by default this very process.</summary>
    public string? SimulatedWebhookUrl { get; set; }

    /// <summary>How long the simulated provider thinks about <c>tok_slow</c>.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan SimulatedSlowness { get; set; } = TimeSpan.FromSeconds(2);
}

[OptionsValidator]
internal sealed partial class PaymentsOptionsValidator : IValidateOptions<PaymentsOptions>;
