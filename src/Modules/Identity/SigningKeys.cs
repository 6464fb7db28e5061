using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Identity;

/// <summary>The key pairs of the platform's access tokens.</summary>
internal sealed class SigningKeys(Database<IdentityModule> database, KeyProtection protection, TimeProvider clock)
    : SigningKeyRing(database, protection, clock), ITokenKeys;
