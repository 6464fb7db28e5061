namespace Mobility.Platform.Bus;

/// <summary>A message that waits in a module's inbox for another try.</summary>
internal sealed record InboxRow(
    string Subscription, Guid MessageId, Guid Key, string Xid, long Position, string Type, string Source, string Data, string Metadata, DateTime At, int Attempts, DateTime DueAt)
{
    public BusMessage ToMessage() => new(new BusPosition(ulong.Parse(Xid), Position), MessageId, Type, Key, Source, Data, Metadata, At);
}
