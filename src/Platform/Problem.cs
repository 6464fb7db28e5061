namespace Mobility.Platform;

/// <summary>What sort of refusal a problem is; each maps to one HTTP status.</summary>
public enum ProblemKind
{
    /// <summary>400: the request has the wrong shape.</summary>
    Invalid,
    /// <summary>401: nobody is signed in.</summary>
    Unauthenticated,
    /// <summary>402: money is missing or was declined.</summary>
    PaymentRequired,
    /// <summary>403: signed in, but may not.</summary>
    Forbidden,
    /// <summary>404: no such thing for this caller.</summary>
    NotFound,
    /// <summary>409: the state of the thing forbids it now.</summary>
    Conflict,
    /// <summary>412: the caller saw an older version.</summary>
    Outdated,
    /// <summary>422: well-formed, but a rule refuses it.</summary>
    Unprocessable,
    /// <summary>429: too often.</summary>
    TooMany,
    /// <summary>503: a part that is needed does not answer.</summary>
    Unavailable,
}

/// <summary>An expected refusal: a value, never an exception.</summary>
/// <param name="Kind">The sort of refusal.</param>
/// <param name="Code">Stable, <c>module.lower_snake</c>; documented in docs/api/problems.md.</param>
/// <param name="Detail">One sentence for a person.</param>
/// <param name="Field">The request field at fault, in JSON path form, when there is one.</param>
public sealed record Problem(ProblemKind Kind, string Code, string Detail, string? Field = null)
{
    /// <summary>Further members of the problem document, for example alternatives; values are serialized as they are.</summary>
    public IReadOnlyDictionary<string, object?>? Extensions { get; init; }

    /// <summary>400 with the field at fault.</summary>
    public static Problem Invalid(string code, string detail, string? field = null) => new(ProblemKind.Invalid, code, detail, field);

    /// <summary>404.</summary>
    public static Problem NotFound(string code, string detail) => new(ProblemKind.NotFound, code, detail);

    /// <summary>409.</summary>
    public static Problem Conflict(string code, string detail) => new(ProblemKind.Conflict, code, detail);

    /// <summary>422.</summary>
    public static Problem Unprocessable(string code, string detail, string? field = null) => new(ProblemKind.Unprocessable, code, detail, field);

    /// <summary>403.</summary>
    public static Problem Forbidden(string code, string detail) => new(ProblemKind.Forbidden, code, detail);
}

/// <summary>What a pure decision says: these events happen, or this is refused. Accepting without events is a retry that changes nothing.</summary>
/// <typeparam name="TEvent">The base type of the stream's private events.</typeparam>
public readonly record struct Decision<TEvent> where TEvent : class
{
    private Decision(IReadOnlyList<TEvent> events, Problem? problem) => (Events, Problem) = (events, problem);

    /// <summary>What happens; empty when refused or when nothing new happens.</summary>
    public IReadOnlyList<TEvent> Events { get; }

    /// <summary>Why it is refused; null when accepted.</summary>
    public Problem? Problem { get; }

    /// <summary>Accepts: the events happen, in this order.</summary>
    public static Decision<TEvent> Accept(params TEvent[] events) => new(events, null);

    /// <summary>Refuses.</summary>
    public static Decision<TEvent> Refuse(Problem problem) => new([], problem);

    /// <summary>Refuses.</summary>
    public static Decision<TEvent> Refuse(ProblemKind kind, string code, string detail) => new([], new Problem(kind, code, detail));
}

/// <summary>The platform cannot start, for a reason that its operator can mend; the sentence is all that is shown.</summary>
public sealed class PlatformStartException : Exception
{
    /// <summary>One clear sentence.</summary>
    public PlatformStartException(string sentence) : base(sentence) { }

    /// <summary>One clear sentence, and the technical cause.</summary>
    public PlatformStartException(string sentence, Exception cause) : base(sentence, cause) { }
}
