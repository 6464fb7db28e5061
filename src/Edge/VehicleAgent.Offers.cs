using System.Text;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Edge.Unlock;
using Mobility.Edge.Updates;

namespace Mobility.Edge;

/// <summary>
/// What the platform says on the vehicle's topic of updates (FLT-10): an image to fetch, which then goes the way of every update, or an order to return. The last
/// word counts; it is said again at every connection, so nothing of it is kept.
/// </summary>
public sealed partial class VehicleAgent
{
    /// <summary>After a download that broke; what is there already is not fetched again.</summary>
    public static readonly TimeSpan DownloadTriedEvery = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stopping = new();
    private VehicleUpdate? _offer;
    private string? _answeredManifest;
    private long _nextOfferAt;
    private SigningKeys? _updateKeys;

    private string UpdateKeysFile => Path.Combine(_settings.DataFolder, "update-keys.json");

    /// <summary>Whether something that the platform said waits for its answer.</summary>
    internal bool HasOffer
    {
        get
        {
            lock (_gate)
                return _offer is not null;
        }
    }

    /// <summary>Called by the connection, under the lock.</summary>
    private void HearOffer(ReadOnlyMemory<byte> payload)
    {
        if (UpdateOffer.Read(payload.Span) is not { } offer || offer.Manifest == _answeredManifest)
            return;
        (_offer, _nextOfferAt, _nextLookAt) = (offer, 0, 0);
        Volatile.Write(ref _dueAt, 0);
    }

    /// <summary>Under the lock; nothing else is under way. An image on trial is judged first, unless the order is to leave it.</summary>
    private void FollowOffer(long now)
    {
        if (_offer is not { } offer || now < _nextOfferAt || (_slots.State.IsOnTrial && offer.Url is not null))
            return;
        _nextOfferAt = now + Ticks(DownloadTriedEvery);
        _updating = Task.Run(() => offer.Url is null ? ReturnAsync(offer) : FetchImageAsync(offer));
    }

    private async Task ReturnAsync(VehicleUpdate order)
    {
        var version = await FetchUpdateKeysAsync() is { } keys ? await UpdateOffer.ReadReturnAsync(order.Manifest, keys) : null;
        lock (_gate)
        {
            Answered(order);
            if (_isStopped)
                return;
            if (version is { } bad && _slots.Recall(bad) is { } left)
                LeaveImage(left, "recalled");
        }
        LogUpdate(_log, Vehicle, version is null ? "manifest_not_authentic" : "recalled");
    }

    private async Task FetchImageAsync(VehicleUpdate offer)
    {
        if (await FetchUpdateKeysAsync() is not { } keys)
            return; // it is tried again
        var (manifest, refusal) = await UpdateManifest.ReadAsync(offer.Manifest, keys);
        var slots = _slots.State;
        if (manifest is null || (manifest.Version > Math.Max(slots.FloorVersion, slots.Version) && slots.Refuse(manifest) is not null))
        {
            Answer(offer, refusal ?? slots.Refuse(manifest!));
            return;
        }
        if (slots.Refuse(manifest) is not null)
        {
            Answer(offer, null); // the vehicle has it, or has left it: no news
            return;
        }
        if (!Uri.TryCreate(_settings.UpdateKeysUrl, offer.Url, out var from) || !KeyFetch.MayBelieve(from))
        {
            Answer(offer, "image_address_refused");
            return;
        }
        Directory.CreateDirectory(Incoming);
        var (isThere, isWrong, fault) = await UpdateDownload.FetchAsync(from, manifest, Path.Combine(Incoming, "image"), _stopping.Token);
        if (isThere)
        {
            WholeFile.Write(Path.Combine(Incoming, "manifest"), Encoding.ASCII.GetBytes(offer.Manifest)); // the image first: who finds a manifest finds its image
            Answer(offer, null);
        }
        else if (isWrong)
        {
            Answer(offer, fault);
        }
        else
        {
            LogNoImage(_log, Vehicle, fault ?? "unknown");
        }
    }

    private void Answer(VehicleUpdate offer, string? refusal)
    {
        lock (_gate)
        {
            Answered(offer);
            if (refusal is not null && !_isStopped)
                Tell(new EventBody { Kind = "update_refused", Version = offer.Version, Reason = refusal });
        }
        if (refusal is not null)
            LogUpdate(_log, Vehicle, refusal);
    }

    /// <summary>Said again, it is not answered again; something else is.</summary>
    private void Answered(VehicleUpdate offer)
    {
        _answeredManifest = offer.Manifest;
        if (_offer == offer)
            (_offer, _nextLookAt) = (null, 0);
    }

    /// <summary>The platform's keys of updates; when it cannot be asked, the last ones, or those that the vehicle was given.</summary>
    private async Task<SigningKeys?> FetchUpdateKeysAsync()
    {
        var (keys, fault) = await KeyFetch.FetchAsync(_settings.UpdateKeysUrl!, UpdateKeysFile);
        if (fault is not null)
            LogNoImage(_log, Vehicle, fault);
        return _updateKeys = keys ?? _updateKeys;
    }

    [LoggerMessage(EventId = 21_022, Level = LogLevel.Warning, Message = "{Vehicle} could not fetch its update and tries again: {Reason}.")]
    private static partial void LogNoImage(ILogger log, VehicleId vehicle, string reason);
}
