using System.Net.Sockets;
using Mobility.Platform;
using Npgsql;

namespace Mobility.Host.Commands;

/// <summary>Says in one sentence what an operator can mend; null for everything else, which is a bug and shows its stack.</summary>
internal static class StartFailure
{
    private const string WrongSetting = "Failed to convert configuration value";
    private const int NoSpaceErrorNumber = 28; // ENOSPC

    public static string? Explain(Exception failure) => failure switch
    {
        PlatformStartException known => known.Message,
        AggregateException { InnerExceptions.Count: 1 } wrapped => Explain(wrapped.InnerExceptions[0]),
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } full => $"The disk of the database is full: {full.MessageText}.",
        PostgresException { SqlState: PostgresErrorCodes.TooManyConnections } busy => $"The database accepts no more connections: {busy.MessageText}.",
        PostgresException refused when refused.SqlState.StartsWith("28", StringComparison.Ordinal) => $"The database refused the sign-in: {refused.MessageText}.",
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } absent => $"The database cannot be used: {absent.MessageText}.",
        NpgsqlException { InnerException: SocketException or IOException or TimeoutException } lost =>
            $"The database cannot be reached: {lost.InnerException!.Message}.",
        IOException { HResult: NoSpaceErrorNumber } full => $"The disk is full: {full.Message}.",
        IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException } taken => $"{taken.Message.TrimEnd('.')}; choose another --port.",
        InvalidDataException { InnerException: FormatException or System.Text.Json.JsonException } unreadable => $"A settings file cannot be read: {unreadable.InnerException!.Message}",
        InvalidOperationException { InnerException: not null } wrong when wrong.Message.StartsWith(WrongSetting, StringComparison.Ordinal) => $"A setting is wrong: {wrong.Message}",
        Microsoft.Extensions.Options.OptionsValidationException wrong => $"A setting is wrong: {wrong.Message}",
        _ => null,
    };
}
