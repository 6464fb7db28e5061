using System.CommandLine;
using System.Globalization;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Twin.Streets;

namespace Mobility.Host.Commands;

/// <summary>The streets of a living city, where somebody gives a map.</summary>
internal static class StreetsOption
{
    public static Option<string?> Create() =>
        new("--streets") { HelpName = "FILE", Description = "An OpenStreetMap extract of the city, whose streets are ridden instead of a grid" };

    /// <summary>Takes the streets around the city's bays out of an extract, and says how many of the bays are on them.</summary>
    /// <exception cref="PlatformStartException">The file cannot be used; why is said.</exception>
    public static StreetGraph Read(string extract, CityPack pack, CancellationToken ct)
    {
        Console.Error.WriteLine($"Reading the streets of {extract} ...");
        try
        {
            var streets = StreetGraph.Read(extract, pack.Bays.Select(bay => bay.Position), ct);
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"Streets: {streets.Nodes} nodes, {streets.Meters:0} m; {pack.Bays.Count(bay => streets.Reaches(bay.Position))} of {pack.Bays.Length} bays are on them."));
            return streets;
        }
        catch (MapFileException unreadable)
        {
            throw new PlatformStartException(unreadable.Message, unreadable);
        }
    }
}
