using System.Globalization;

namespace Mobility.Twin.Client;

/// <summary>What the platform said: a value, or a refusal with its stable code.</summary>
/// <typeparam name="T">The form of the value.</typeparam>
/// <param name="Status">HTTP status.</param>
/// <param name="Value">Present when the request was accepted and the reply has a body.</param>
/// <param name="Code">The problem's code; <c>http.STATUS</c> where a refusal names none; null when accepted.</param>
/// <param name="Detail">The problem's explanation.</param>
public readonly record struct Answer<T>(int Status, T? Value, string? Code, string? Detail) where T : class
{
    /// <summary>Whether the request was accepted.</summary>
    public bool Ok => Status is >= 200 and < 300;

    /// <summary>The value of an accepted request.</summary>
    /// <exception cref="RefusedException">It was refused.</exception>
    public T Require(string what) =>
        Ok && Value is not null ? Value : throw new RefusedException(what, Code ?? $"http.{Status.ToString(CultureInfo.InvariantCulture)}", Detail);
}

/// <summary>The platform refused something without which it makes no sense to go on; whoever plays a rider or a crew catches it and counts the code.</summary>
public sealed class RefusedException(string what, string code, string? detail) : Exception($"{what}: {code}{(detail is null ? "" : $" ({detail})")}")
{
    /// <summary>The problem's code.</summary>
    public string Code { get; } = code;

    /// <summary>The step that was refused.</summary>
    public string Step { get; } = what;
}
