using Microsoft.OpenApi;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Modules;

namespace Mobility.Host;

/// <summary>One OpenAPI document per module at <c>/openapi/{module}.json</c>.</summary>
internal static class ApiDocuments
{
    public static void Add(IServiceCollection services, IReadOnlyList<ModuleDefinition> modules)
    {
        foreach (var module in modules)
            services.AddOpenApi(module.Module, options =>
            {
                options.AddSchemaTransformer((schema, context, _) =>
                {
                    var type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
                    if (IdJsonConverterFactory.IsId(type))
                        Describe(schema, $"^{type.GetProperty("Prefix")!.GetValue(null)}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$");
                    else if (Array.Exists(type.GetInterfaces(), i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(ITextId<>)))
                        Describe(schema, "^[a-z0-9][a-z0-9_.-]{0,63}$");
                    else if (type == typeof(Currency))
                        Describe(schema, "^[A-Z]{3}$");
                    return Task.CompletedTask;
                });
                options.AddOperationTransformer((operation, context, _) =>
                {
                    var rule = context.Description.ActionDescriptor.EndpointMetadata.OfType<AccessRule>().LastOrDefault();
                    operation.Description = rule switch
                    {
                        { Anonymous: true } => "Open to all.",
                        { Permission: { } permission } => $"Needs the permission `{permission}`.",
                        _ => "Needs a signed-in caller.",
                    };
                    return Task.CompletedTask;
                });
            });
    }

    public static void Map(WebApplication app, IReadOnlyList<ModuleDefinition> modules) =>
        app.MapOpenApi("/openapi/{documentName}.json").OpenToAll();

    private static void Describe(OpenApiSchema schema, string pattern)
    {
        schema.Type = JsonSchemaType.String;
        schema.Pattern = pattern;
        schema.Properties?.Clear();
        schema.Required?.Clear();
    }
}
