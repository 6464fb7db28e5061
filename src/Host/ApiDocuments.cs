using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;
using Mobility.Platform.Modules;

namespace Mobility.Host;

/// <summary>One OpenAPI document per module and one for operators, at <c>/openapi/{document}.json</c>.</summary>
internal static class ApiDocuments
{
    private const string TokenScheme = "token";

    public static void Add(IServiceCollection services, IReadOnlyList<ModuleDefinition> modules)
    {
        foreach (var document in modules.Select(m => m.Module).Append(Operations.Document))
            services.AddOpenApi(document, options =>
            {
                // Bodies and views are nested in their use cases and have the same names there.
                options.CreateSchemaReferenceId = info =>
                    OpenApiOptions.CreateDefaultSchemaReferenceId(info) is { } name ? info.Type.DeclaringType?.Name + name : null;
                options.AddDocumentTransformer((api, _, _) =>
                {
                    api.Info.Title = $"Mobility: {document}";
                    api.Components ??= new OpenApiComponents();
                    api.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
                    {
                        [TokenScheme] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", BearerFormat = "JWT", Description = "From /oauth2/token." },
                    };
                    return Task.CompletedTask;
                });
                options.AddSchemaTransformer((schema, context, _) =>
                {
                    var type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
                    if (IdJsonConverterFactory.IsId(type))
                        Describe(schema, $"^{type.GetProperty("Prefix")!.GetValue(null)}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$");
                    else if (Array.Exists(type.GetInterfaces(), i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(ITextId<>)))
                        Describe(schema, "^[a-z0-9][a-z0-9_.-]{0,63}$");
                    else if (type == typeof(Currency))
                        Describe(schema, "^[A-Z]{3}$");
                    else if (type == typeof(GeoPoint))
                        DescribePosition(schema);
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
                    if (rule is not { Anonymous: true })
                        operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(TokenScheme, context.Document)] = [] }];
                    if (IdempotencyKeys.AreTakenBy(context.Description.ActionDescriptor.EndpointMetadata))
                        (operation.Parameters ??= []).Add(new OpenApiParameter
                        {
                            Name = IdempotencyKeys.Header,
                            In = ParameterLocation.Header,
                            Required = true,
                            Description = "Any text of yours for this request: the same key with the same body gets the same answer, with another body 422.",
                            Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                        });
                    return Task.CompletedTask;
                });
            });
    }

    public static void Map(WebApplication app, IReadOnlyList<ModuleDefinition> modules) =>
        app.MapOpenApi("/openapi/{documentName}.json").OpenToAll();

    private static void DescribePosition(OpenApiSchema schema)
    {
        schema.Type = JsonSchemaType.Object;
        schema.Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["lat"] = new OpenApiSchema { Type = JsonSchemaType.Number, Format = "double", Minimum = "-90", Maximum = "90" },
            ["lon"] = new OpenApiSchema { Type = JsonSchemaType.Number, Format = "double", Minimum = "-180", Maximum = "180" },
        };
        schema.Required = new HashSet<string> { "lat", "lon" };
        schema.AdditionalPropertiesAllowed = false;
    }

    private static void Describe(OpenApiSchema schema, string pattern)
    {
        schema.Type = JsonSchemaType.String;
        schema.Pattern = pattern;
        schema.Properties?.Clear();
        schema.Required?.Clear();
    }
}
