namespace Mobility.Platform.Events;

/// <summary>A stored event as a view sees it.</summary>
/// <param name="StreamType">The kind of stream.</param>
/// <param name="Stream">The stream.</param>
/// <param name="Version">The event's place in its stream, from 1.</param>
/// <param name="Event">The private event.</param>
/// <param name="At">When it was recorded.</param>
public readonly record struct ViewEvent(string StreamType, Guid Stream, int Version, object Event, DateTimeOffset At);

/// <summary>Adds one statement with positional parameters to the transaction at hand.</summary>
public delegate void AddStatement(string sql, params object?[] parameters);

/// <summary>
/// A table that is derived from events and nothing else. An exact view is written in the transaction of the events; the others follow with
/// a lag that is visible. Either can be rebuilt, and the rebuild must equal the live one (the audit compares them row by row).
/// </summary>
/// <param name="Name">Lower snake case; unique in the module.</param>
/// <param name="Tables">The tables it owns, unqualified. Its statements name tables unqualified too, so that a rebuild can run beside the live view.</param>
/// <param name="StreamTypes">The kinds of stream it reads.</param>
/// <param name="Exact">Whether it is written with the events.</param>
/// <param name="Apply">From one event to statements; a pure function.</param>
public sealed record View(string Name, IReadOnlyList<string> Tables, IReadOnlyList<string> StreamTypes, bool Exact, Action<ViewEvent, AddStatement> Apply);
