using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mobility.Geo;

/// <summary>A position on WGS 84. In JSON <c>{"lat":48.2,"lon":11.5}</c>; the order longitude-latitude exists only in GeoJSON adapters.</summary>
/// <param name="LatitudeDegrees">−90 (south pole) to 90 (north pole).</param>
/// <param name="LongitudeDegrees">−180 to 180, east positive.</param>
[JsonConverter(typeof(GeoPointJsonConverter))]
public readonly record struct GeoPoint(double LatitudeDegrees, double LongitudeDegrees)
{
    /// <summary>Mean radius of the earth R₁ = (2a + b) / 3 of the WGS 84 ellipsoid, in meters (Moritz 1980, Geodetic Reference System, IUGG).</summary>
    public const double EarthRadiusMeters = 6_371_008.8;

    /// <summary>Whether both coordinates are finite and in range. False only for points that were made without <see cref="TryCreate"/>.</summary>
    [JsonIgnore]
    public bool IsValid => LatitudeDegrees is >= -90 and <= 90 && LongitudeDegrees is >= -180 and <= 180; // NaN fails both

    /// <summary>Makes a point of two finite numbers in range; false, and the default point, otherwise.</summary>
    public static bool TryCreate(double latitudeDegrees, double longitudeDegrees, out GeoPoint point)
    {
        var candidate = new GeoPoint(latitudeDegrees, longitudeDegrees);
        point = candidate.IsValid ? candidate : default;
        return candidate.IsValid;
    }

    /// <summary>
    /// Great-circle distance in meters by the haversine formula (R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68, 1984), which stays
    /// accurate for the few meters between a rider and a scooter. The sphere is at most 0.56 % off the ellipsoid.
    /// </summary>
    public double DistanceMetersTo(GeoPoint other)
    {
        var latitude = double.DegreesToRadians(LatitudeDegrees);
        var otherLatitude = double.DegreesToRadians(other.LatitudeDegrees);
        var sinLatitude = Math.Sin((otherLatitude - latitude) / 2);
        var sinLongitude = Math.Sin(double.DegreesToRadians(other.LongitudeDegrees - LongitudeDegrees) / 2);
        var haversine = sinLatitude * sinLatitude + Math.Cos(latitude) * Math.Cos(otherLatitude) * sinLongitude * sinLongitude;
        return 2 * EarthRadiusMeters * Math.Asin(Math.Sqrt(Math.Min(1, haversine))); // rounding may exceed 1 at the antipode
    }

    /// <summary>The point that many meters to the north and to the east, for the distances of a city.</summary>
    public GeoPoint OffsetMeters(double north, double east) => new(
        LatitudeDegrees + double.RadiansToDegrees(north / EarthRadiusMeters),
        LongitudeDegrees + double.RadiansToDegrees(east / (EarthRadiusMeters * Math.Cos(double.DegreesToRadians(LatitudeDegrees)))));

    /// <summary>Latitude, then longitude.</summary>
    public override string ToString() => FormattableString.Invariant($"{LatitudeDegrees},{LongitudeDegrees}");
}

/// <summary>Reads and writes <c>{"lat":..,"lon":..}</c>: both members, once, finite, in range, and nothing else.</summary>
public sealed class GeoPointJsonConverter : JsonConverter<GeoPoint>
{
    /// <inheritdoc/>
    public override GeoPoint Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("""Expected a position {"lat":..,"lon":..}.""");
        double? latitude = null, longitude = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (latitude is null && reader.ValueTextEquals("lat"u8))
                latitude = Number(ref reader);
            else if (longitude is null && reader.ValueTextEquals("lon"u8))
                longitude = Number(ref reader);
            else
                throw new JsonException("A position has the members lat and lon, each once.");
        }
        return latitude is { } lat && longitude is { } lon && GeoPoint.TryCreate(lat, lon, out var point)
            ? point
            : throw new JsonException("A position has lat from -90 to 90 and lon from -180 to 180.");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, GeoPoint value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteNumber("lat"u8, value.LatitudeDegrees);
        writer.WriteNumber("lon"u8, value.LongitudeDegrees);
        writer.WriteEndObject();
    }

    private static double Number(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var number)
            ? number
            : throw new JsonException("lat and lon are numbers.");
}
