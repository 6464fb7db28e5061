namespace Mobility.Platform.Modules;

/// <summary>The platform's own place in the database (schemas <c>platform</c> and <c>bus</c>); holds no domain word.</summary>
public sealed class PlatformModule
{
    /// <summary>Schema and role suffix.</summary>
    public const string Name = "platform";
}
