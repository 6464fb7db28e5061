using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Mobility.Fleet;

/// <summary>Section <c>fleet</c> of the configuration.</summary>
internal sealed class FleetOptions
{
    /// <summary>How long a vehicle has to acknowledge a command.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a request to disable a car or a van waits for a second person.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "1.00:00:00")]
    public TimeSpan ApproveWithin { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>How long an open vehicle must have stood before it is disabled: longer than a red light.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan StandstillFor { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a decision to disable waits for a standstill.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "7.00:00:00")]
    public TimeSpan StandstillWithin { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How far a vehicle's clock may be ahead of ours.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan ClockAheadMax { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How late a report may come: a vehicle keeps its reports for a day when it has no network.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "7.00:00:00")]
    public TimeSpan ReportAgeMax { get; set; } = TimeSpan.FromHours(24);
}

[OptionsValidator]
internal sealed partial class FleetOptionsValidator : IValidateOptions<FleetOptions>;
