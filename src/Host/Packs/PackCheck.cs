namespace Mobility.Host.Packs;

/// <summary>What <c>mobility pack check DIR</c> prints.</summary>
internal static class PackCheck
{
    /// <summary>Writes every fault on a line of its own, or what the pack holds; true when it may be loaded.</summary>
    public static bool Run(string folder, TextWriter output)
    {
        var reading = CityPackReader.Read(folder);
        foreach (var error in reading.Errors)
            output.WriteLine(error);
        if (reading.Pack is { } pack)
        {
            output.WriteLine(
                $"{pack.City.Name} ({pack.City.Id}): {pack.Zones.Length} zones, {pack.Bays.Length} bays, {pack.VehicleTypes.Length} vehicle types, " +
                $"{pack.Tariffs.Length} tariffs, {pack.Fleet.Length} vehicles, {pack.Staff.Length} staff accounts. The pack is sound.");
            return true;
        }
        output.WriteLine(reading.ErrorsTotal == reading.Errors.Count
            ? $"{reading.ErrorsTotal} {(reading.ErrorsTotal == 1 ? "error" : "errors")}."
            : $"{reading.ErrorsTotal} errors, of which the first {reading.Errors.Count} are shown.");
        return false;
    }
}
