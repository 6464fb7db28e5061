namespace Mobility.Twin.Streets;

/// <summary>
/// The fields of one message of protocol buffers, one after the other (protobuf.dev/programming-guides/encoding). Own, because the only library for extracts
/// that the package source has is a preview, and a library for all of protocol buffers is much for these few lines.
/// </summary>
/// <param name="message">The message's bytes.</param>
internal ref struct PbfFields(ReadOnlySpan<byte> message)
{
    private const int VarintBytesMax = 10;
    private const ulong VarintType = 0;
    private ReadOnlySpan<byte> _rest = message;
    private ulong _type;

    /// <summary>Number of the current field.</summary>
    public ulong Number { get; private set; }

    /// <summary>Its value, if it is a varint.</summary>
    public ulong Value { get; private set; }

    /// <summary>Its bytes, if it has a length: text, a message, or packed numbers.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Goes to the next field; false when there is none.</summary>
    /// <exception cref="InvalidDataException">The message breaks off, or is none.</exception>
    public bool Next()
    {
        if (_rest.IsEmpty)
            return false;
        var key = Varint(ref _rest);
        (Number, _type, Value) = (key >> 3, key & 7, 0);
        Bytes = default;
        switch (_type)
        {
            case VarintType: Value = Varint(ref _rest); break;
            case 1: Take(sizeof(ulong)); break;
            case 2: Bytes = Take(Varint(ref _rest)); break;
            case 5: Take(sizeof(uint)); break;
            default: throw new InvalidDataException("A field has a type that does not exist.");
        }
        return true;
    }

    /// <summary>Appends the numbers of a repeated field: writers pack them or not as they like, and some pack all but a single one.</summary>
    /// <exception cref="InvalidDataException">The last number breaks off.</exception>
    public readonly void AppendTo(List<ulong> numbers)
    {
        if (_type == VarintType)
            numbers.Add(Value);
        for (var rest = Bytes; !rest.IsEmpty;)
            numbers.Add(Varint(ref rest));
    }

    /// <summary>A signed number, of which small ones of either sign are short (ZigZag).</summary>
    public static long Signed(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    /// <summary>Takes a number of seven bits a byte, the lowest first.</summary>
    /// <exception cref="InvalidDataException">It breaks off, or is longer than ten bytes.</exception>
    private static ulong Varint(ref ReadOnlySpan<byte> rest)
    {
        var value = 0UL;
        for (var index = 0; index < Math.Min(rest.Length, VarintBytesMax); index++)
        {
            value |= (ulong)(rest[index] & 0x7F) << (7 * index);
            if (rest[index] < 0x80)
            {
                rest = rest[(index + 1)..];
                return value;
            }
        }
        throw new InvalidDataException("A number breaks off or is too long.");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
            throw new InvalidDataException("A field breaks off.");
        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }
}
