using System.Globalization;
using System.Text.Json;

namespace Mobility.Twin.Living;

/// <summary>A run that is kept, so that another can be compared with it: what it was made of and what it came to.</summary>
public sealed record CityRecord
{
    private const string Extension = ".json";
    private static readonly JsonSerializerOptions Form = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Version of the platform.</summary>
    public required string Version { get; init; }

    /// <summary>What it was made of, by the names of the options.</summary>
    public required SortedDictionary<string, string> Parameters { get; init; }

    /// <summary>What it came to.</summary>
    public required SortedDictionary<string, double> Measures { get; init; }

    /// <summary>Keeps it; one of the same name is replaced.</summary>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, Name + Extension);
        File.WriteAllText(path + ".new", JsonSerializer.Serialize(this, Form));
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Finds a record by its name in the folder, or by its path.</summary>
    /// <exception cref="InvalidDataException">There is none, or the file is none; the message is for the person who asked.</exception>
    public static CityRecord Load(string folder, string nameOrPath)
    {
        var path = File.Exists(nameOrPath) ? nameOrPath : Path.Combine(folder, nameOrPath + Extension);
        try
        {
            return JsonSerializer.Deserialize<CityRecord>(File.ReadAllText(path), Form) ?? throw new JsonException("The file is empty.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"There is no run {nameOrPath}: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is no record of a run: {e.Message}", e);
        }
    }

    /// <summary>Writes two runs side by side: first what they were made of where it differs, then what they came to.</summary>
    public static void Compare(CityRecord one, CityRecord other, TextWriter output)
    {
        Line(output, "", one.Name, other.Name, "");
        foreach (var name in one.Parameters.Keys.Union(other.Parameters.Keys).Order(StringComparer.Ordinal))
            if (one.Parameters.GetValueOrDefault(name) is var a && other.Parameters.GetValueOrDefault(name) is var b && a != b)
                Line(output, name, a ?? "-", b ?? "-", "differs");
        if (one.Version != other.Version)
            Line(output, "version", one.Version, other.Version, "differs");
        output.WriteLine();
        foreach (var name in one.Measures.Keys.Union(other.Measures.Keys).Order(StringComparer.Ordinal))
        {
            var (a, b) = (one.Measures.GetValueOrDefault(name), other.Measures.GetValueOrDefault(name));
            Line(output, name, Say(a), Say(b), a == b ? "" : a == 0 ? "new" : string.Create(CultureInfo.InvariantCulture, $"{(b - a) / Math.Abs(a) * 100:+0.0;-0.0} %"));
        }
    }

    private static string Say(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

    private static void Line(TextWriter output, string name, string one, string other, string change) =>
        output.WriteLine($"{name,-36}{one,18}{other,18}{change,12}".TrimEnd());
}
