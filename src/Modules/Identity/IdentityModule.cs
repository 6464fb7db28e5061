using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Bus;
using Mobility.Platform.Modules;

namespace Mobility.Identity;

/// <summary>Accounts, sign-in, roles, tokens, service and device credentials.</summary>
public sealed class IdentityModule : IModule
{
    /// <inheritdoc/>
    public string Name => "identity";

    /// <inheritdoc/>
    public IReadOnlyList<string> Needs => [];

    /// <inheritdoc/>
    public void Configure(IModuleBuilder module)
    {
        module.Services.AddSingleton<IValidateOptions<IdentityOptions>, IdentityOptionsValidator>();
        module.Services.AddOptions<IdentityOptions>().Bind(module.Configuration.GetSection(Name)).ValidateOnStart();
        module.Services.AddSingleton<Passwords>().AddSingleton(new KeyProtection(module.Configuration.GetSection("Identity"), "signing keys")).AddSingleton<SigningKeys>().AddSingleton<TokenIssuer>();
        module.Services.AddSingleton<ITokenKeys>(p => p.GetRequiredService<SigningKeys>()).AddSingleton<IServiceTokens, LocalServiceTokens>();
        module.Services.AddSingleton<IPackLoader, StaffLoader>().AddHostedService<IdentityStart>();

        module.Endpoints(RegisterAccount.Map);
        module.Endpoints(VerifyContact.Map);
        module.Endpoints(SendCode.Map);
        module.Endpoints(AcceptTerms.Map);
        module.Endpoints(GetMyAccount.Map);
        module.Endpoints(SendPasswordCode.Map);
        module.Endpoints(SetPassword.Map);
        module.Endpoints(IssueToken.Map);
        module.Endpoints(RevokeToken.Map);
        module.Endpoints(GetDiscovery.Map);
        module.Endpoints(RotateSigningKey.Map);
        module.Endpoints(IssueDeviceCredential.Map);
        module.Endpoints(PutServiceAccount.Map);

        module.Subscribe<PaymentMethodAddedV1>("note-payment-method", OnPaymentMethodAdded.Handle);
    }
}
