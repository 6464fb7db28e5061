using System.Security.Cryptography;
using System.Text;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Telemetry.Provisioning;

/// <summary>A board and the vehicle that staff bound it to. It proves itself with the key that it was made with, or with a secret for once.</summary>
internal sealed record Device(
    string Serial, VehicleId Vehicle, byte[]? KeyHash, byte[]? SecretHash, DateTimeOffset RegisteredAt, DateTimeOffset? EnrolledAt, byte[]? EnrolledKey,
    DateTimeOffset? RevokedAt)
{
    public const int SerialLengthMax = 64;
    public const int SecretLengthMax = 128;

    public static Problem Revoked => Problem.Forbidden("telemetry.device_revoked", "Staff have taken this device out of use.");

    /// <summary>One sentence for an unknown device and for a wrong proof: a stranger learns nothing.</summary>
    public static Problem Refused => Problem.Forbidden("telemetry.enrollment_refused", "No such device is expected, or it has not proved that it is the one.");

    /// <summary>Printed on the board: letters, digits, '-', '_' and '.'.</summary>
    public static bool IsSerial(string? text) =>
        text is { Length: > 0 and <= SerialLengthMax } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    /// <summary>The request is signed with the key, so the sender has it; whether it is the expected one is decided here.</summary>
    public bool IsProvedBy(byte[] keyHash, string? secret) => KeyHash is { } known
        ? CryptographicOperations.FixedTimeEquals(known, keyHash)
        : secret is not null && CryptographicOperations.FixedTimeEquals(SecretHash, SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    public bool HasKey(byte[] keyHash) => EnrolledKey is { } mine && CryptographicOperations.FixedTimeEquals(mine, keyHash);
}

/// <summary>The table of devices and their log.</summary>
internal static class Devices
{
    /// <summary>Refusals that are kept of one device; older ones go.</summary>
    public const int RefusalsMax = 100;

    private const string Columns = "serial, vehicle, key_hash, secret_hash, registered_at, enrolled_at, enrolled_key, revoked_at";

    public static async Task<Device?> FindAsync(Database<TelemetryModule> database, string serial, CancellationToken ct) =>
        (await database.QuerySingleOrDefaultAsync<Row>($"SELECT {Columns} FROM devices WHERE serial = @serial", new { serial }, ct))?.ToDevice();

    public static async Task<IReadOnlyList<Device>> ListAsync(Database<TelemetryModule> database, VehicleId? vehicle, string? after, int take, CancellationToken ct) =>
        [.. (await database.QueryAsync<Row>($"""
            SELECT {Columns} FROM devices WHERE (@vehicle::uuid IS NULL OR vehicle = @vehicle) AND serial > coalesce(@after, '') ORDER BY serial LIMIT @take
            """, new { vehicle = vehicle?.Value, after, take }, ct)).Select(row => row.ToDevice())];

    public static void Log(Work work, string serial, string what, string actor, string? reason = null) =>
        work.Execute("INSERT INTO device_log (serial, at, what, reason, actor) VALUES ($1, $2, $3, $4, $5)", serial, work.Now, what, reason, actor);

    /// <summary>Somebody said to be this device and was not believed.</summary>
    public static void LogRefusal(Work work, string serial, string code)
    {
        Log(work, serial, "refused", $"device {serial}", code);
        work.Execute("""
            DELETE FROM device_log WHERE serial = $1 AND what = 'refused' AND id <= (
                SELECT id FROM device_log WHERE serial = $1 AND what = 'refused' ORDER BY id DESC OFFSET $2 LIMIT 1)
            """, serial, RefusalsMax);
    }

    private sealed record Row
    {
        public required string Serial { get; init; }
        public required Guid Vehicle { get; init; }
        public byte[]? KeyHash { get; init; }
        public byte[]? SecretHash { get; init; }
        public required DateTimeOffset RegisteredAt { get; init; }
        public DateTimeOffset? EnrolledAt { get; init; }
        public byte[]? EnrolledKey { get; init; }
        public DateTimeOffset? RevokedAt { get; init; }

        public Device ToDevice() => new(Serial, new VehicleId(Vehicle), KeyHash, SecretHash, RegisteredAt, EnrolledAt, EnrolledKey, RevokedAt);
    }
}
