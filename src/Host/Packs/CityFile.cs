using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Host.Packs;

/// <summary>city.json: the city itself.</summary>
internal static class CityFile
{
    public const int VatBasisPointsMax = 5_000;

    public static City? Read(PackObject? root)
    {
        if (root is null)
            return null;
        var city = new City
        {
            Id = root.Id<CityId>("city_id"),
            Name = root.Text("name"),
            TimeZone = TimeZone(root),
            Currency = Currency(root, "currency"),
            Language = root.Text("language", lengthMax: 35),
            Center = root.Point("center"),
            VatBasisPoints = root.Whole("vat_basis_points", 0, VatBasisPointsMax),
        };
        root.Close();
        return city;
    }

    /// <summary>Digits after the point of an amount (ISO 4217, list one of 2024); two unless listed.</summary>
    public static int MinorDigits(Currency currency) => currency == default ? 2 : currency.Code switch
    {
        "BIF" or "CLP" or "DJF" or "GNF" or "ISK" or "JPY" or "KMF" or "KRW" or "PYG" or "RWF" or "UGX" or "UYI" or "VND" or "VUV" or "XAF" or "XOF"
            or "XPF" => 0,
        "BHD" or "IQD" or "JOD" or "KWD" or "LYD" or "OMR" or "TND" => 3,
        _ => 2,
    };

    public static Currency Currency(PackObject from, string name)
    {
        var code = from.Text(name);
        if (Platform.Currency.IsCode(code))
            return new Currency(code);
        if (code.Length > 0)
            from.Find(name)!.Fail("pack.unknown_value", "A currency is an ISO 4217 code of three capital letters.");
        return default;
    }

    private static string TimeZone(PackObject root)
    {
        var name = root.Text("time_zone");
        if (name.Length > 0 && !(TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) && zone.HasIanaId))
            root.Find("time_zone")!.Fail("pack.unknown_time_zone", $"\"{name}\" is not a time zone of the IANA database, for example Europe/Berlin.");
        return name;
    }
}
