namespace Mobility.Platform.Http;

/// <summary>Collects the first fault of a request's fields; short enough to read as the request's rules.</summary>
public struct Fields
{
    /// <summary>The first fault, or null.</summary>
    public Problem? Problem { get; private set; }

    /// <summary>States a rule; the first that does not hold becomes the problem <c>request.invalid_field</c>.</summary>
    public Fields Must(bool holds, string field, string sentence)
    {
        if (!holds)
            Problem ??= Problem.Invalid("request.invalid_field", sentence, field);
        return this;
    }

    /// <summary>A text of a bounded length, not blank.</summary>
    public Fields Text(string? value, string field, int lengthMax) =>
        Must(!string.IsNullOrWhiteSpace(value) && value.Length <= lengthMax, field, $"Send 1 to {lengthMax} characters.");
}
