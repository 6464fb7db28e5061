using System.Collections;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Tests.Support;

namespace Mobility.Tests.Architecture;

/// <summary>
/// One file per contract event: a message as it was once published, which must be readable for ever with nothing lost. A file is never changed, only added; a
/// member may be added to an event, anything else needs a new name. MOBILITY_ACCEPT=1 writes files that are missing.
/// </summary>
public sealed class ContractGoldenTests
{
    private static readonly string Folder = Repository.PathOf("tests", "Mobility.Tests", "Architecture", "golden");
    private static readonly JsonSerializerOptions Indented = new(MobilityJson.Stored) { WriteIndented = true };
    private static readonly Dictionary<string, Type> Events = typeof(BookingReservedV1).Assembly.GetTypes()
        .Where(type => type.IsAssignableTo(typeof(IContractEvent)) && !type.IsAbstract)
        .ToDictionary(ContractNames.Of);

    public static TheoryData<string> Names() => [.. Events.Keys.Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Names)), Trait("Req", "EVT-6")]
    public void A_message_that_was_once_published_is_read_with_nothing_lost(string name)
    {
        var (type, file) = (Events[name], Path.Combine(Folder, $"{name}.json"));
        if (Repository.Accepts && !File.Exists(file))
            File.WriteAllText(file, JsonSerializer.Serialize(Sample(type, type.Name), type, Indented) + "\n");
        var golden = File.ReadAllText(file);
        var again = JsonSerializer.SerializeToNode(ContractNames.Read(type, golden), type, MobilityJson.Stored);
        Lost(JsonNode.Parse(golden), again, "$").ShouldBeEmpty($"{name} as it was published is read differently today");
        var members = type.GetProperties().Where(p => p.GetMethod!.GetParameters().Length == 0).Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name));
        members.Except(JsonNode.Parse(golden)!.AsObject().Select(m => m.Key)).ShouldBeSubsetOf(
            again!.AsObject().Select(m => m.Key).Concat(NullableMembers(type)), $"{name} has got a member that old messages cannot have");
    }

    [Fact, Trait("Req", "EVT-6")]
    public void No_published_name_disappears() =>
        Directory.GetFiles(Folder, "*.json").Select(Path.GetFileNameWithoutExtension).Except(Events.Keys).ShouldBeEmpty("messages of these names are still stored");

    [Fact]
    public void A_name_says_module_event_and_version() =>
        Events.Keys.ShouldAllBe(name => System.Text.RegularExpressions.Regex.IsMatch(name, "^[a-z]+\\.[a-z_]+\\.v[0-9]+$"));

    /// <summary>Paths of what the old message says and today's reading does not.</summary>
    private static IEnumerable<string> Lost(JsonNode? old, JsonNode? now, string path) => (old, now) switch
    {
        (JsonObject before, JsonObject after) => before.SelectMany(member => Lost(member.Value, after[member.Key], $"{path}.{member.Key}")),
        (JsonArray before, JsonArray after) when before.Count == after.Count => before.SelectMany((item, i) => Lost(item, after[i], $"{path}[{i}]")),
        _ => JsonNode.DeepEquals(old, now) ? [] : [path],
    };

    private static IEnumerable<string> NullableMembers(Type type)
    {
        var nullability = new NullabilityInfoContext();
        return type.GetProperties().Where(p => nullability.Create(p).ReadState == NullabilityState.Nullable)
            .Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name));
    }

    /// <summary>A value of a type with every member set, always the same.</summary>
    private static object Sample(Type type, string name)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Sample(inner, name);
        if (type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IId<>)))
            return Activator.CreateInstance(type, new Guid($"01970000-0000-7000-8000-{(uint)name.Sum(c => c * 7919):x12}"))!;
        if (type.IsEnum)
            return Enum.GetValues(type).GetValue(Enum.GetValues(type).Length - 1)!;
        return type switch
        {
            _ when type == typeof(string) => name.ToLowerInvariant(),
            _ when type == typeof(bool) => true,
            _ when type == typeof(int) => 12,
            _ when type == typeof(long) => 1_234L,
            _ when type == typeof(double) => 48.25,
            _ when type == typeof(Currency) => Currency.Eur,
            _ when type == typeof(TimeSpan) => TimeSpan.FromMinutes(30),
            _ when type == typeof(DateTimeOffset) => new DateTimeOffset(2026, 6, 1, 8, 30, 0, TimeSpan.Zero),
            _ when type != typeof(string) && type.IsAssignableTo(typeof(IEnumerable)) => Many(type, name),
            _ => Record(type),
        };
    }

    private static object Many(Type type, string name)
    {
        var item = type.GetGenericArguments()[0];
        var array = Array.CreateInstance(item, 1);
        array.SetValue(Sample(item, name), 0);
        return type.Name.StartsWith("ImmutableArray", StringComparison.Ordinal)
            ? typeof(System.Runtime.InteropServices.ImmutableCollectionsMarshal).GetMethod("AsImmutableArray")!.MakeGenericMethod(item).Invoke(null, [array])!
            : array;
    }

    private static object Record(Type type)
    {
        var constructor = type.GetConstructors().MaxBy(c => c.GetParameters().Length);
        var value = constructor is null ? Activator.CreateInstance(type)! : constructor.Invoke([.. constructor.GetParameters().Select(p => Sample(p.ParameterType, p.Name!))]);
        foreach (var property in type.GetProperties().Where(p => p.SetMethod is { IsPublic: true } && p.GetMethod!.GetParameters().Length == 0
            && constructor?.GetParameters().Any(c => string.Equals(c.Name, p.Name, StringComparison.OrdinalIgnoreCase)) is not true))
            property.SetValue(value, Sample(property.PropertyType, property.Name));
        return value;
    }
}
