using Mobility.Platform.Events;
using Npgsql;
using NpgsqlTypes;

namespace Mobility.Telemetry.Ingest;

/// <summary>What one transaction is to store.</summary>
internal sealed record Batch
{
    /// <summary>Reports that nobody has stored, as far as this process knows.</summary>
    public List<VehicleReport> Fresh { get; } = [];

    /// <summary>Reports that may be stored already.</summary>
    public List<VehicleReport> MaybeKnown { get; } = [];

    public List<IngestMessage> Quarantine { get; } = [];

    public List<IngestMessage> Statuses { get; } = [];
}

/// <summary>
/// Stores batches, each in one transaction. Fresh reports go into history by COPY when they are many; those that may be known are compared with it first. That a report is there
/// once is the primary key's word, not this process's memory: when a fresh one turns out to be known, the caller comes again with all of them as maybe known.
/// </summary>
internal sealed class BatchStore(Database<TelemetryModule> database, HistoryPartitions partitions, ReportZones zones)
{
    /// <summary>Messages kept in quarantine.</summary>
    public const int QuarantineMax = 10_000;

    /// <summary>Bytes kept of a quarantined payload.</summary>
    public const int QuarantinedBytesMax = 4_096;

    /// <summary>From here on COPY, which is parsed and planned each time, is worth it.</summary>
    private const int CopiedMin = 32;

    private const string ArrayParameters =
        "$1::uuid[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::float8[], $6::float8[], $7::real[], $8::real[], $9::real[], $10::smallint[], "
        + "$11::text[], $12::boolean[], $13::bigint[], $14::real[], $15::text[], $16::text[]";

    private const string Columns =
        "vehicle, sequence, at, received_at, lat, lon, accuracy, heading, speed, charge, battery, locked, odometer, temperature, errors, zones";

    /// <returns>Of the maybe known reports those that are known, each with the time under which it is known.</returns>
    /// <exception cref="PostgresException">23505: a fresh report is known.</exception>
    public async Task<IReadOnlyDictionary<(Guid Vehicle, long Sequence), DateTimeOffset>> StoreAsync(Batch batch, DateTimeOffset now, CancellationToken ct)
    {
        await partitions.EnsureAsync(batch.Fresh.Concat(batch.MaybeKnown).Select(r => HistoryPartitions.DayOf(r.At)).Distinct(), ct);
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (batch.Fresh.Count >= CopiedMin)
            await CopyAsync(connection, batch.Fresh, ct);
        var known = batch.MaybeKnown.Count > 0 ? await MergeAsync(connection, batch.MaybeKnown, now, ct) : new Dictionary<(Guid, long), DateTimeOffset>();
        await using var rest = new NpgsqlBatch(connection);
        if (batch.Fresh.Count is > 0 and < CopiedMin)
            rest.BatchCommands.Add(Few(batch.Fresh));
        if (Newest(batch, known) is { Count: > 0 } newest)
            rest.BatchCommands.Add(LastReports(newest));
        if (batch.Statuses.Count > 0)
            rest.BatchCommands.Add(LastStatuses(batch.Statuses));
        if (batch.Quarantine.Count > 0)
            AddQuarantine(rest, batch.Quarantine);
        if (rest.BatchCommands.Count > 0)
            await rest.ExecuteNonQueryAsync(ct);
        await transaction.CommitAsync(ct);
        return known;
    }

    private NpgsqlBatchCommand Few(List<VehicleReport> reports)
    {
        var command = new NpgsqlBatchCommand($"""
            INSERT INTO history ({Columns})
            SELECT vehicle, sequence, at, received_at, lat, lon, accuracy, heading, speed, charge, battery, locked, odometer, temperature,
                string_to_array(errors, ' '), string_to_array(zones, ' ')
            FROM unnest({ArrayParameters}) AS i({Columns})
            """);
        AddArrays(command.Parameters, reports);
        return command;
    }

    private async Task CopyAsync(NpgsqlConnection connection, List<VehicleReport> reports, CancellationToken ct)
    {
        await using var import = await connection.BeginBinaryImportAsync($"COPY history ({Columns}) FROM STDIN (FORMAT BINARY)", ct);
        foreach (var r in reports)
        {
            // Without await where there is nothing to wait for: the importer's buffer takes most rows.
            await import.StartRowAsync(ct);
            await import.WriteAsync(r.Vehicle.Value, NpgsqlDbType.Uuid, ct);
            await import.WriteAsync(r.Sequence, NpgsqlDbType.Bigint, ct);
            await import.WriteAsync(r.At.UtcDateTime, NpgsqlDbType.TimestampTz, ct);
            await import.WriteAsync(r.ReceivedAt.UtcDateTime, NpgsqlDbType.TimestampTz, ct);
            await import.WriteAsync(r.Position.LatitudeDegrees, NpgsqlDbType.Double, ct);
            await import.WriteAsync(r.Position.LongitudeDegrees, NpgsqlDbType.Double, ct);
            await WriteAsync(import, r.AccuracyMeters, NpgsqlDbType.Real, ct);
            await WriteAsync(import, r.HeadingDegrees, NpgsqlDbType.Real, ct);
            await WriteAsync(import, r.SpeedMetersPerSecond, NpgsqlDbType.Real, ct);
            await WriteAsync(import, r.StateOfChargePercent, NpgsqlDbType.Smallint, ct);
            await (r.BatteryId is { } battery ? import.WriteAsync(battery, NpgsqlDbType.Text, ct) : import.WriteNullAsync(ct));
            await WriteAsync(import, r.Locked, NpgsqlDbType.Boolean, ct);
            await WriteAsync(import, r.OdometerMeters, NpgsqlDbType.Bigint, ct);
            await WriteAsync(import, r.TemperatureCelsius, NpgsqlDbType.Real, ct);
            await (r.ErrorCodes.Count > 0 ? import.WriteAsync(r.ErrorCodes.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text, ct) : import.WriteNullAsync(ct));
            await (zones.Of(r) is { } names ? import.WriteAsync(names, NpgsqlDbType.Array | NpgsqlDbType.Text, ct) : import.WriteNullAsync(ct));
        }
        await import.CompleteAsync(ct);
    }

    private static Task WriteAsync<T>(NpgsqlBinaryImporter import, T? value, NpgsqlDbType type, CancellationToken ct) where T : struct =>
        value is { } present ? import.WriteAsync(present, type, ct) : import.WriteNullAsync(ct);

    /// <summary>Stores those that are not there yet and returns those that are.</summary>
    private async Task<Dictionary<(Guid, long), DateTimeOffset>> MergeAsync(
        NpgsqlConnection connection, List<VehicleReport> reports, DateTimeOffset now, CancellationToken ct)
    {
        // A sequence is looked for in the days that a report may be from: the partitions of the last day and what clocks may be ahead.
        await using var command = new NpgsqlCommand($"""
            WITH incoming AS (
                SELECT DISTINCT ON (vehicle, sequence) * FROM unnest({ArrayParameters}) AS i({Columns}) ORDER BY vehicle, sequence, at
            ), known AS (
                SELECT i.vehicle, i.sequence, h.at FROM incoming i
                JOIN history h ON h.vehicle = i.vehicle AND h.sequence = i.sequence AND h.at >= $17 AND h.at <= $18
            ), stored AS (
                INSERT INTO history ({Columns})
                SELECT vehicle, sequence, at, received_at, lat, lon, accuracy, heading, speed, charge, battery, locked, odometer, temperature,
                    string_to_array(errors, ' '), string_to_array(zones, ' ')
                FROM incoming i WHERE NOT EXISTS (SELECT FROM known k WHERE k.vehicle = i.vehicle AND k.sequence = i.sequence)
                ON CONFLICT DO NOTHING
            )
            SELECT vehicle, sequence, at FROM known
            """, connection);
        AddArrays(command.Parameters, reports);
        command.Parameters.AddWithValue(NpgsqlDbType.TimestampTz, (now - ReportRules.AgeMax - ReportRules.AgeMax).UtcDateTime);
        command.Parameters.AddWithValue(NpgsqlDbType.TimestampTz, (now + ReportRules.AheadMax + ReportRules.AheadMax).UtcDateTime);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var known = new Dictionary<(Guid, long), DateTimeOffset>();
        while (await reader.ReadAsync(ct))
            known[(reader.GetGuid(0), reader.GetInt64(1))] = reader.GetFieldValue<DateTimeOffset>(2);
        return known;
    }

    /// <summary>The newest stored report of each vehicle, by vehicle so that two processes never wait for each other in a circle.</summary>
    private static List<VehicleReport> Newest(Batch batch, IReadOnlyDictionary<(Guid, long), DateTimeOffset> known)
    {
        var newest = new Dictionary<Guid, VehicleReport>();
        foreach (var report in batch.Fresh)
            Consider(report);
        foreach (var report in batch.MaybeKnown)
            if (!known.ContainsKey((report.Vehicle.Value, report.Sequence)))
                Consider(report);
        var sorted = newest.Values.ToList();
        sorted.Sort(static (a, b) => a.Vehicle.Value.CompareTo(b.Vehicle.Value));
        return sorted;

        void Consider(VehicleReport report)
        {
            if (!newest.TryGetValue(report.Vehicle.Value, out var other))
                newest[report.Vehicle.Value] = report;
            else if (report.At >= other.At)
                newest[report.Vehicle.Value] = report.Over(other);
        }
    }

    private NpgsqlBatchCommand LastReports(List<VehicleReport> reports)
    {
        var command = new NpgsqlBatchCommand($"""
            INSERT INTO last_reports ({Columns}, charge_at)
            SELECT vehicle, sequence, at, received_at, lat, lon, accuracy, heading, speed, charge, battery, locked, odometer, temperature,
                string_to_array(errors, ' '), string_to_array(zones, ' '), charge_at
            FROM unnest({ArrayParameters}, $17::timestamptz[]) AS i({Columns}, charge_at)
            ON CONFLICT (vehicle) DO UPDATE SET sequence = excluded.sequence, at = excluded.at, received_at = excluded.received_at,
                lat = excluded.lat, lon = excluded.lon, accuracy = excluded.accuracy, heading = excluded.heading, speed = excluded.speed,
                charge = coalesce(excluded.charge, last_reports.charge), charge_at = coalesce(excluded.charge_at, last_reports.charge_at),
                battery = coalesce(excluded.battery, last_reports.battery),
                locked = coalesce(excluded.locked, last_reports.locked), odometer = coalesce(excluded.odometer, last_reports.odometer),
                temperature = coalesce(excluded.temperature, last_reports.temperature), errors = excluded.errors, zones = excluded.zones
            WHERE excluded.at >= last_reports.at
            """);
        AddArrays(command.Parameters, reports);
        command.Parameters.Add(new NpgsqlParameter<DateTime?[]>
        {
            TypedValue = reports.ConvertAll(r => r.ChargeAt?.UtcDateTime).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz, // of a first null it could not be told
        });
        return command;
    }

    private static NpgsqlBatchCommand LastStatuses(List<IngestMessage> statuses)
    {
        var last = new SortedDictionary<Guid, IngestMessage>();
        foreach (var status in statuses)
            last[status.Vehicle.Value] = status;
        return new NpgsqlBatchCommand("""
            INSERT INTO last_statuses (vehicle, payload, received_at) SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::timestamptz[])
            ON CONFLICT (vehicle) DO UPDATE SET payload = excluded.payload, received_at = excluded.received_at
            """)
        {
            Parameters =
            {
                new() { Value = last.Keys.ToArray() },
                new() { Value = last.Values.Select(s => s.Payload!).ToArray() },
                new() { Value = last.Values.Select(s => s.ReceivedAt.UtcDateTime).ToArray() },
            },
        };
    }

    private static void AddQuarantine(NpgsqlBatch batch, List<IngestMessage> messages)
    {
        batch.BatchCommands.Add(new NpgsqlBatchCommand("""
            INSERT INTO quarantine (vehicle, topic, reason, payload, received_at)
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::timestamptz[])
            """)
        {
            Parameters =
            {
                new() { Value = messages.Select(m => m.Vehicle.Value).ToArray() },
                new() { Value = messages.Select(m => m.Topic!).ToArray() },
                new() { Value = messages.Select(m => m.Reason!).ToArray() },
                new() { Value = messages.Select(m => m.Payload!.Length > QuarantinedBytesMax ? m.Payload[..QuarantinedBytesMax] : m.Payload).ToArray() },
                new() { Value = messages.Select(m => m.ReceivedAt.UtcDateTime).ToArray() },
            },
        });
        batch.BatchCommands.Add(new NpgsqlBatchCommand("DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - $1")
        {
            Parameters = { new() { Value = (long)QuarantineMax } },
        });
    }

    private void AddArrays(NpgsqlParameterCollection parameters, List<VehicleReport> reports)
    {
        Add(reports.ConvertAll(r => r.Vehicle.Value).ToArray());
        Add(reports.ConvertAll(r => r.Sequence).ToArray());
        Add(reports.ConvertAll(r => r.At.UtcDateTime).ToArray());
        Add(reports.ConvertAll(r => r.ReceivedAt.UtcDateTime).ToArray());
        Add(reports.ConvertAll(r => r.Position.LatitudeDegrees).ToArray());
        Add(reports.ConvertAll(r => r.Position.LongitudeDegrees).ToArray());
        Add(reports.ConvertAll(r => r.AccuracyMeters).ToArray());
        Add(reports.ConvertAll(r => r.HeadingDegrees).ToArray());
        Add(reports.ConvertAll(r => r.SpeedMetersPerSecond).ToArray());
        Add(reports.ConvertAll(r => r.StateOfChargePercent).ToArray());
        Add(reports.ConvertAll(r => r.BatteryId).ToArray());
        Add(reports.ConvertAll(r => r.Locked).ToArray());
        Add(reports.ConvertAll(r => r.OdometerMeters).ToArray());
        Add(reports.ConvertAll(r => r.TemperatureCelsius).ToArray());
        Add(reports.ConvertAll(r => r.ErrorCodes.Count == 0 ? null : string.Join(' ', r.ErrorCodes)).ToArray());
        Add(reports.ConvertAll(r => zones.Of(r) is { } names ? string.Join(' ', names) : null).ToArray());

        void Add<T>(T[] values) => parameters.Add(new NpgsqlParameter<T[]> { TypedValue = values });
    }
}
