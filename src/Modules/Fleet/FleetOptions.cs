using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Mobility.Fleet;

/// <summary>Section <c>fleet</c> of the configuration.</summary>
internal sealed class FleetOptions
{
    /// <summary>How long a vehicle has to acknowledge a command.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How far a vehicle's clock may be ahead of ours.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan ClockAheadMax { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How late a report may come: a vehicle keeps its reports for a day when it has no network.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "7.00:00:00")]
    public TimeSpan ReportAgeMax { get; set; } = TimeSpan.FromHours(24);
}

[OptionsValidator]
internal sealed partial class FleetOptionsValidator : IValidateOptions<FleetOptions>;
