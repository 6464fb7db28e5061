using Mobility.Platform;

namespace Mobility.Contracts;

/// <summary>A rider's, employee's or service's account.</summary>
/// <param name="Value">The 128-bit value.</param>
public readonly record struct AccountId(Guid Value) : IId<AccountId>
{
    /// <inheritdoc/>
    public static string Prefix => "acct";

    /// <inheritdoc/>
    public static AccountId From(Guid value) => new(value);

    /// <summary>Binds route and query parameters.</summary>
    public static bool TryParse(string? text, IFormatProvider? provider, out AccountId id) => Id.TryParse(text, out id);

    /// <inheritdoc/>
    public override string ToString() => Id.Format(this);
}

/// <summary>How a person is reached.</summary>
public enum ContactChannel
{
    /// <summary>E-mail.</summary>
    Email,
    /// <summary>Text message.</summary>
    Phone,
}

/// <summary>Somebody registered; nothing is verified yet.</summary>
/// <param name="Account">The account.</param>
/// <param name="Email">The e-mail address as given.</param>
/// <param name="Phone">The phone number in E.164 form.</param>
/// <param name="DisplayName">For greetings.</param>
/// <param name="Language">BCP 47 tag.</param>
[ContractName("identity.account_registered.v1")]
public sealed record AccountRegisteredV1(AccountId Account, string Email, string Phone, string DisplayName, string Language) : IContractEvent;

/// <summary>Somebody tried to register an address that has an account already: its owner should know. Key: the account.</summary>
/// <param name="Account">The account that has the address.</param>
/// <param name="Email">The address.</param>
[ContractName("identity.registration_repeated.v1")]
public sealed record RegistrationRepeatedV1(AccountId Account, string Email) : IContractEvent;

/// <summary>A code must reach a person, so that the channel is proven.</summary>
/// <param name="Account">The account.</param>
/// <param name="Channel">Where to.</param>
/// <param name="Address">E-mail address or phone number.</param>
/// <param name="Code">Six digits.</param>
/// <param name="ExpiresAt">Useless after.</param>
[ContractName("identity.code_issued.v1")]
public sealed record CodeIssuedV1(AccountId Account, ContactChannel Channel, string Address, string Code, DateTimeOffset ExpiresAt) : IContractEvent;

/// <summary>Everything that booking needs of an account is there: both channels proven, terms accepted, a payment method on file.</summary>
/// <param name="Account">The account.</param>
[ContractName("identity.account_bookable.v1")]
public sealed record AccountBookableV1(AccountId Account) : IContractEvent;
