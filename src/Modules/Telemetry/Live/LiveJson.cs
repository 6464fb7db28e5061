using System.Buffers.Text;
using System.Text;

namespace Mobility.Telemetry.Live;

/// <summary>
/// Writes vehicles as JSON. The parts that do not change lie ready as UTF-8 with the vehicle and its class; numbers are written by hand, since the
/// general writer takes three times as long (bench: nearby).
/// </summary>
internal static class LiveJson
{
    /// <summary>Most bytes of one vehicle: its text and its class's text of at most 255 and 512 bytes, names and numbers.</summary>
    public const int VehicleBytesMax = 1_024;

    /// <summary>The answer of a search: <c>{"vehicles":[…]}</c>.</summary>
    /// <returns>Bytes written; <paramref name="to"/> has room for <see cref="VehicleBytesMax"/> of each vehicle and 32 more.</returns>
    public static int Write(LiveFleet fleet, ReadOnlySpan<FoundVehicle> vehicles, Span<byte> to)
    {
        var at = Append("{\"vehicles\":["u8, to, 0);
        for (var i = 0; i < vehicles.Length; i++)
        {
            if (i > 0)
                to[at++] = (byte)',';
            at = Write(fleet, vehicles[i], to, at);
        }
        return Append("]}"u8, to, at);
    }

    private static int Write(LiveFleet fleet, in FoundVehicle vehicle, Span<byte> to, int at)
    {
        var what = fleet.Classes[vehicle.Bits.Class];
        at = Append(fleet.TextOf(vehicle.Slot), to, at);
        at = WritePlace(fleet, vehicle, to, at);
        at = Append(",\"stateOfChargePercent\":"u8, to, at);
        at = AppendNumber(vehicle.Bits.Charge, to, at);
        at = Append(",\"rangeMeters\":"u8, to, at);
        at = AppendNumber(what.RangeMeters(vehicle.Bits.Charge), to, at);
        at = Append(",\"distanceMeters\":"u8, to, at);
        at = AppendNumber((int)Math.Round(vehicle.DistanceMeters), to, at);
        to[at++] = (byte)'}';
        return at;
    }

    private static int WritePlace(LiveFleet fleet, in FoundVehicle vehicle, Span<byte> to, int at)
    {
        at = Append(fleet.TextOfClass(vehicle.Bits.Class), to, at);
        at = AppendDegrees(vehicle.Position.LatitudeE7, to, at);
        at = Append(",\"lon\":"u8, to, at);
        at = AppendDegrees(vehicle.Position.LongitudeE7, to, at);
        to[at++] = (byte)'}';
        return at;
    }

    /// <summary>The event of a vehicle that came or moved: all that the search says of it but the distance, and its state.</summary>
    public static int WriteSeen(LiveFleet fleet, in FoundVehicle vehicle, Span<byte> to)
    {
        var at = Append(fleet.TextOf(vehicle.Slot), to, 0);
        at = WritePlace(fleet, vehicle, to, at);
        at = Append(",\"stateOfChargePercent\":"u8, to, at);
        at = AppendNumber(vehicle.Bits.Charge, to, at);
        at = Append(",\"rangeMeters\":"u8, to, at);
        at = AppendNumber(fleet.Classes[vehicle.Bits.Class].RangeMeters(vehicle.Bits.Charge), to, at);
        to[at++] = (byte)'}';
        return at;
    }

    /// <summary>What a class adds between a vehicle's own text and its latitude.</summary>
    public static byte[] TextOf(LiveClass what) => Encoding.UTF8.GetBytes(
        $$""","city":{{System.Text.Json.JsonSerializer.Serialize(what.City)}},"type":{{System.Text.Json.JsonSerializer.Serialize(what.Type)}},"kind":"{{Words.Of(what.Kind)}}","position":{"lat":""");

    private static int Append(ReadOnlySpan<byte> text, Span<byte> to, int at)
    {
        text.CopyTo(to[at..]);
        return at + text.Length;
    }

    private static int AppendNumber(int number, Span<byte> to, int at)
    {
        Utf8Formatter.TryFormat(number, to[at..], out var written);
        return at + written;
    }

    /// <summary>Ten-millionths of a degree as a decimal number without trailing zeros.</summary>
    internal static int AppendDegrees(int tenMillionths, Span<byte> to, int at)
    {
        unchecked
        {
            if (tenMillionths < 0)
                to[at++] = (byte)'-';
            var magnitude = (uint)Math.Abs((long)tenMillionths);
            var whole = magnitude / 10_000_000;
            var rest = magnitude - whole * 10_000_000;
            at = AppendNumber((int)whole, to, at);
            if (rest == 0)
                return at;
            to[at] = (byte)'.';
            var end = at + 7;
            for (var digit = end; digit > at; digit--)
            {
                var tens = rest / 10;
                to[digit] = (byte)('0' + (rest - tens * 10));
                rest = tens;
            }
            while (to[end] == '0')
                end--;
            return end + 1;
        }
    }
}
