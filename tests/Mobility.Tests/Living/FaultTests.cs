using System.Net;
using System.Net.Sockets;
using System.Text;
using Mobility.Geo;
using Mobility.Twin.Living;
using Mobility.Twin.Stage;

namespace Mobility.Tests.Living;

public sealed class FaultTests
{
    [Fact]
    public void A_list_of_faults_is_read_by_their_words()
    {
        FaultWords.TryParse("gps, storm", out var chosen).ShouldBeTrue();
        chosen.ShouldBe(Fault.Gps | Fault.Storm);
        FaultWords.TryParse("", out chosen).ShouldBeTrue();
        chosen.ShouldBe(Fault.None);
        FaultWords.TryParse("gps,rain", out _).ShouldBeFalse();
        FaultWords.TryParse("all", out chosen).ShouldBeTrue();
        Enum.GetValues<Fault>().ShouldAllBe(fault => (chosen & fault) == fault);
        FaultWords.Say(Fault.Gps | Fault.Storm).ShouldBe("gps,storm");
        FaultWords.Say(Fault.None).ShouldBe("");
        FaultWords.TryParse(FaultWords.Say(Fault.All), out chosen).ShouldBeTrue();
        chosen.ShouldBe(Fault.All);
    }

    [Fact]
    public void Whom_a_fault_meets_depends_on_the_seed_only()
    {
        var (one, again, other) = (new FaultPlan(Fault.All, 1), new FaultPlan(Fault.All, 1), new FaultPlan(Fault.All, 2));
        var stuck = Enumerable.Range(0, 1_000).Where(one.HasStuckLock).ToArray();
        stuck.ShouldBe(Enumerable.Range(0, 1_000).Where(again.HasStuckLock));
        stuck.ShouldNotBe(Enumerable.Range(0, 1_000).Where(other.HasStuckLock));
        stuck.Length.ShouldBeInRange(70, 130);
        var silent = Enumerable.Range(0, 1_000).Where(one.HasSilentLock).ToArray();
        silent.Length.ShouldBeInRange(60, 120);
        silent.Intersect(stuck).ShouldBeEmpty();
        Enumerable.Range(0, 1_000).ShouldAllBe(number => !new FaultPlan(Fault.None, 1).HasStuckLock(number));
    }

    [Fact]
    public void A_receiver_drifts_by_meters_and_sometimes_knows_nothing()
    {
        var place = new GeoPoint(48.2, 11.5);
        var plan = new FaultPlan(Fault.Gps, 1);
        var drifting = Enumerable.Range(0, 100).Select(number => plan.OfVehicle(number, 1)).First(faults => faults.Receive is not null);
        var fixes = Enumerable.Range(0, 1_000).Select(_ => drifting.Receive!(place)).ToArray();
        fixes.Count(fix => fix == default).ShouldBeInRange(20, 90);
        fixes.Where(fix => fix != default).Select(fix => fix.DistanceMetersTo(place)).Max().ShouldBeInRange(10, 60);
    }

    [Fact]
    public async Task A_radio_passes_bytes_on_breaks_off_and_is_dead_where_there_is_no_network()
    {
        using var door = new TcpListener(IPAddress.Loopback, 0);
        door.Start();
        await using var radio = new SimulatedRadio(((IPEndPoint)door.LocalEndpoint).Port);
        using (var vehicle = new TcpClient())
        {
            await vehicle.ConnectAsync(IPAddress.Loopback, radio.Port);
            using var inside = await door.AcceptTcpClientAsync();
            await vehicle.GetStream().WriteAsync("hello"u8.ToArray());
            var heard = new byte[5];
            await inside.GetStream().ReadExactlyAsync(heard);
            Encoding.UTF8.GetString(heard).ShouldBe("hello");
            radio.Break();
            (await vehicle.GetStream().ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false)).ShouldBe(0);
        }
        radio.IsDead = true;
        using (var vehicle = new TcpClient())
        {
            await vehicle.ConnectAsync(IPAddress.Loopback, radio.Port);
            (await ReadOrReset(vehicle)).ShouldBe(0);
        }
        radio.IsDead = false;
        using var back = new TcpClient();
        await back.ConnectAsync(IPAddress.Loopback, radio.Port);
        using var again = await door.AcceptTcpClientAsync();
        again.Connected.ShouldBeTrue();
    }

    private static async Task<int> ReadOrReset(TcpClient vehicle)
    {
        try
        {
            return await vehicle.GetStream().ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
