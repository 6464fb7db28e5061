namespace Mobility.Telemetry.Alerts;

/// <summary>
/// When a vehicle stands (INC-3). Pure. A red light is no standstill: an open vehicle must have stood for a while, report after report; a locked one does when it
/// does not roll.
/// </summary>
internal static class StandstillRule
{
    /// <summary>A satellite fix between houses drifts no faster.</summary>
    public const double StandingMetersPerSecond = 1;

    /// <summary>An older report says nothing of now, and after a longer silence the vehicle may have been anywhere.</summary>
    public static readonly TimeSpan RecentWithin = TimeSpan.FromMinutes(1);

    /// <param name="before">The report that was looked at before this one.</param>
    /// <param name="since">Since when the reports until then said that it stands.</param>
    /// <param name="at">When this report was measured.</param>
    /// <param name="speedMetersPerSecond">What it says; null when it does not.</param>
    /// <param name="isLocked">What it says; null when it does not.</param>
    /// <param name="standsFor">How long an open vehicle must have stood.</param>
    /// <returns>Since when it stands now, and whether that is enough.</returns>
    public static (DateTimeOffset? Since, bool IsEnough) Next(
        DateTimeOffset? before, DateTimeOffset? since, DateTimeOffset at, double? speedMetersPerSecond, bool? isLocked, TimeSpan standsFor)
    {
        if (speedMetersPerSecond is { } speed ? speed >= StandingMetersPerSecond : isLocked is not true)
            return (null, false);
        var stands = since is { } known && before is { } last && at - last <= RecentWithin ? known : at;
        return (stands, isLocked is true || at - stands >= standsFor);
    }
}
