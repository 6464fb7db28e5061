using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Mobility.Identity;

/// <summary>Section <c>identity</c> of the configuration; keys and services have sections of their own in it.</summary>
internal sealed class IdentityOptions
{
    /// <summary>OWASP Password Storage Cheat Sheet, 2023, for PBKDF2 with HMAC-SHA-512.</summary>
    public const int SafeIterations = 210_000;

    /// <summary>Rounds of a password's hash.</summary>
    [Range(1_000, 10_000_000)]
    public int PasswordIterations { get; set; } = SafeIterations;
}

[OptionsValidator]
internal sealed partial class IdentityOptionsValidator : IValidateOptions<IdentityOptions>;
