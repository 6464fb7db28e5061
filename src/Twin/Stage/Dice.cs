using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Mobility.Twin.Stage;

/// <summary>
/// Chance that is the same whenever it is asked the same: each question has dice of its own, thrown from the seed and the question's name. So what one part of
/// a run draws never depends on how much another has drawn, and two runs with different rules meet the same riders.
/// </summary>
internal sealed class Dice
{
    private readonly Random _random;

    private Dice(int seed) => _random = new Random(seed);

    /// <summary>The dice of one question.</summary>
    public static Dice Of(int seed, string question, long number = 0) =>
        new(BinaryPrimitives.ReadInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{seed}/{question}/{number}")))));

    public double Share() => _random.NextDouble();

    public bool Chance(double share) => _random.NextDouble() < share;

    public int Below(int max) => _random.Next(max);

    /// <summary>Mean 0, deviation 1.</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());

    /// <summary>How many of many rare things happen; right for means up to a few hundred.</summary>
    public int Poisson(double mean)
    {
        if (mean > 200)
            return Math.Max(0, (int)Math.Round(mean + Math.Sqrt(mean) * Normal()));
        var (limit, product, count) = (Math.Exp(-mean), 1.0, -1);
        do
        {
            count++;
            product *= _random.NextDouble();
        }
        while (product > limit);
        return count;
    }

    /// <summary>One of several, by weight.</summary>
    public T Pick<T>(IReadOnlyList<T> all, Func<T, double> weight)
    {
        var rest = Share() * all.Sum(weight);
        foreach (var one in all)
            if ((rest -= weight(one)) < 0)
                return one;
        return all[^1];
    }
}
