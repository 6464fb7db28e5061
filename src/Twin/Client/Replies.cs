using System.Text.Json.Serialization;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Twin.Client;

// What a client reads of the API's replies; members that it has no use for are left out.

/// <summary>Body of a request without members, and a reply of which nothing is read.</summary>
public sealed record Nothing;

/// <summary>A token endpoint's reply (RFC 6749, 5.1).</summary>
public sealed record TokenReply(
    [property: JsonPropertyName("access_token")] string AccessToken,
    [property: JsonPropertyName("expires_in")] int ExpiresIn,
    [property: JsonPropertyName("refresh_token")] string? RefreshToken);

/// <summary>The secret of a vehicle for the MQTT door.</summary>
public sealed record SecretReply(string Password);

/// <summary>The own account.</summary>
public sealed record AccountReply(AccountId Id, bool Bookable, IReadOnlyList<string> Missing, string CurrentTerms);

/// <summary>Vehicles around a place, nearest first.</summary>
public sealed record NearbyReply(IReadOnlyList<NearbyVehicle> Vehicles);

/// <summary>A vehicle that may be taken.</summary>
public sealed record NearbyVehicle(VehicleId Id, string Label, GeoPoint Position, int StateOfChargePercent, int DistanceMeters);

/// <summary>An offer.</summary>
public sealed record QuoteReply(QuoteId Id, Money Estimate, Money HoldAmount);

/// <summary>A booking.</summary>
public sealed record BookingReply(
    BookingId Id, string Phase, VehicleId Vehicle, DateTimeOffset MustEndBy, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, ReleaseReason? ReleaseReason,
    string? ReleaseDetail, Charge? CostSoFar);

/// <summary>A vehicle as riders see it.</summary>
public sealed record VehicleReply(VehicleId Id, VehicleState State, bool Rentable, GeoPoint Position, int StateOfChargePercent);

/// <summary>How the money of a booking stands.</summary>
public sealed record PaymentReply(string Status, Money? Total, Money? Captured, Money? Due);

/// <summary>Messages of the development mailbox, newest first.</summary>
public sealed record MailboxReply(IReadOnlyList<MailReply> Messages);

/// <summary>A message.</summary>
public sealed record MailReply(string Template, IReadOnlyDictionary<string, string> Values);
