using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace Mobility.Platform.Events;

/// <summary>SQL with the values of its positional parameters; made into a command each time it is sent.</summary>
internal readonly record struct Statement(string Sql, object?[] Parameters)
{
    public NpgsqlBatchCommand ToCommand()
    {
        var command = new NpgsqlBatchCommand(Sql);
        foreach (var value in Parameters)
            command.Parameters.Add(value switch
            {
                Json json => new NpgsqlParameter { Value = json.Text, NpgsqlDbType = NpgsqlDbType.Jsonb },
                PlainJson json => new NpgsqlParameter { Value = json.Text, NpgsqlDbType = NpgsqlDbType.Json },
                DateTimeOffset at => new NpgsqlParameter<DateTimeOffset> { TypedValue = at.ToUniversalTime(), NpgsqlDbType = NpgsqlDbType.TimestampTz },
                NpgsqlParameter ready => ready.Clone(), // a parameter belongs to one command, and a statement may be sent again
                ulong number => new NpgsqlParameter { Value = number, NpgsqlDbType = NpgsqlDbType.Xid8 },
                null => new NpgsqlParameter { Value = DBNull.Value },
                _ => new NpgsqlParameter { Value = value },
            });
        return command;
    }
}

/// <summary>Text for a json column: what the platform writes once and reads whole.</summary>
internal sealed record PlainJson(string Text);

/// <summary>Text for a jsonb column.</summary>
/// <param name="Text">Valid JSON.</param>
public sealed record Json(string Text)
{
    /// <summary>Writes a value in the stored dialect.</summary>
    public static Json Of<T>(T value) => new(JsonSerializer.Serialize(value, MobilityJson.Stored));
}
