using Mobility.Contracts;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>A city as its people know it: where what is, and where which vehicle may stand.</summary>
internal sealed class CityOfPlaces
{
    private readonly ILookup<PlaceUse, Place> _byUse;
    private readonly Dictionary<VehicleKind, Bay[]> _bays;

    /// <param name="pack">The city.</param>
    /// <param name="seed">What places are for is drawn.</param>
    public CityOfPlaces(CityPack pack, int seed)
    {
        Places = Place.Of(pack, seed);
        Zone = TimeZoneInfo.FindSystemTimeZoneById(pack.City.TimeZone);
        _byUse = Places.ToLookup(place => place.Use);
        Bays = pack.Bays;
        _bays = Enum.GetValues<VehicleKind>().ToDictionary(kind => kind, kind => pack.Bays.Where(bay => bay.VehicleKinds.Contains(kind)).ToArray());
    }

    /// <summary>Where people go.</summary>
    public IReadOnlyList<Place> Places { get; }

    /// <summary>Where vehicles may stand.</summary>
    public IReadOnlyList<Bay> Bays { get; }

    /// <summary>The city's clock.</summary>
    public TimeZoneInfo Zone { get; }

    /// <summary>One of the places of a use.</summary>
    public Place PlaceFor(PlaceUse use, Dice dice) => dice.Pick([.. _byUse[use]], place => place.Weight);

    /// <summary>The bay for a kind that is nearest to a place; null when there is none in the city.</summary>
    public Bay? BayAt(Place place, VehicleKind kind) => _bays[kind].MinBy(bay => bay.Position.DistanceMetersTo(place.Position));
}
