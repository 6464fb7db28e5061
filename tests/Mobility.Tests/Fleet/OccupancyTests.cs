using Mobility.Contracts;
using Mobility.Fleet;
using Mobility.Platform;

namespace Mobility.Tests.Fleet;

/// <summary>A vehicle follows its bookings whatever the order in which the news of them arrives.</summary>
public sealed class OccupancyTests
{
    private static readonly DateTimeOffset At = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly BookingId[] Bookings = [.. Enumerable.Range(1, 3).Select(n => new BookingId(Guid.Parse($"00000000-0000-7000-8000-00000000000{n}")))];

    private readonly record struct News(int Booking, Move Move, int PublishedMinute);

    [Theory, InlineData(VehicleMode.Micromobility), InlineData(VehicleMode.CarShare)]
    public void Three_bookings_in_a_row_leave_the_vehicle_free_in_every_order_of_their_news(VehicleMode mode)
    {
        // One queue per subscription: within it order is kept, between queues it is not.
        News[][] queues =
        [
            [new(0, Move.Keep, 0), new(1, Move.Keep, 3), new(2, Move.Keep, 5)],
            [new(0, Move.Start, 1), new(2, Move.Start, 6)],
            [new(0, Move.End, 2), new(2, Move.End, 7)],
            [new(1, Move.CancelByCustomer, 4)],
        ];
        var orders = 0;
        foreach (var order in Merges(queues))
        {
            var vehicle = Free(mode);
            foreach (var news in order)
            {
                var decision = Decide(vehicle, news);
                decision.Problem.ShouldBeNull($"{string.Join(", ", order)} at {news}");
                vehicle = decision.Events.Aggregate(vehicle, Vehicle.Evolve);
            }
            (vehicle.State, vehicle.Occupant).ShouldBe((VehicleState.Available, null), string.Join(", ", order));
            orders++;
        }
        orders.ShouldBe(1_680); // 8! / (3! 2! 2! 1!)
    }

    [Theory, InlineData(VehicleMode.Micromobility), InlineData(VehicleMode.CarShare)]
    public void News_that_arrive_twice_change_nothing(VehicleMode mode)
    {
        var vehicle = Free(mode);
        foreach (var move in new[] { Move.Keep, Move.Start, Move.End })
        {
            vehicle = Decide(vehicle, new News(0, move, 0)).Events.Aggregate(vehicle, Vehicle.Evolve);
            Decide(vehicle, new News(0, move, 0)).Events.ShouldBeEmpty($"second {move}");
        }
    }

    [Fact]
    public void A_paused_car_is_stopped_and_goes_on()
    {
        var riding = After(Free(VehicleMode.CarShare), new(0, Move.Keep, 0), new(0, Move.Start, 1));
        var paused = After(riding, new News(0, Move.Stop, 2));
        paused.State.ShouldBe(VehicleState.Stopped);
        After(paused, new News(0, Move.Resume, 3)).State.ShouldBe(VehicleState.OnTrip);
        After(paused, new News(0, Move.End, 3)).State.ShouldBe(VehicleState.Available);
    }

    [Fact]
    public void A_paused_scooter_is_still_on_its_trip() =>
        After(Free(VehicleMode.Micromobility), new(0, Move.Start, 1), new(0, Move.Stop, 2)).State.ShouldBe(VehicleState.OnTrip);

    [Fact]
    public void A_pause_of_another_booking_does_not_stop_a_car() =>
        After(Free(VehicleMode.CarShare), new(0, Move.Start, 1), new(1, Move.Stop, 2)).State.ShouldBe(VehicleState.OnTrip);

    [Fact]
    public void A_cancelled_reservation_frees_the_vehicle() =>
        After(Free(VehicleMode.Micromobility), new(0, Move.Keep, 0), new(0, Move.CancelByCustomer, 1)).State.ShouldBe(VehicleState.Available);

    [Fact]
    public void A_vehicle_out_of_service_stays_so_and_the_step_is_refused_with_a_code()
    {
        var vehicle = Free(VehicleMode.Micromobility) with { State = VehicleState.NonOperational, Phase = Phase.OutOfService };
        Decide(vehicle, new News(0, Move.Keep, 0)).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.illegal_transition");
    }

    private static Vehicle Free(VehicleMode mode) => Vehicle.None with { Mode = mode, Phase = Phase.Active, State = VehicleState.Available };

    private static Vehicle After(Vehicle vehicle, params News[] news) => news.Aggregate(vehicle, (v, n) => Decide(v, n).Events.Aggregate(v, Vehicle.Evolve));

    private static Decision<VehicleEvent> Decide(Vehicle vehicle, News news) =>
        Occupancy.Decide(vehicle, Bookings[news.Booking], news.Move, At.AddMinutes(news.PublishedMinute), At.AddHours(1));

    private static IEnumerable<News[]> Merges(News[][] queues)
    {
        if (Array.TrueForAll(queues, queue => queue.Length == 0))
            yield return [];
        for (var i = 0; i < queues.Length; i++)
            if (queues[i] is [var first, .. var rest])
                foreach (var tail in Merges([.. queues[..i], rest, .. queues[(i + 1)..]]))
                    yield return [first, .. tail];
    }
}
