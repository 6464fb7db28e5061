using System.Globalization;
using System.Net;
using System.Text;

namespace Mobility.Twin.Reporting;

/// <summary>A bar of a plot.</summary>
/// <param name="Value">Its height; null for none, which is not zero.</param>
/// <param name="Hint">Shown when somebody points at it.</param>
/// <param name="Label">Written below; null for nothing.</param>
internal readonly record struct PlotBar(double? Value, string Hint, string? Label);

/// <summary>Plots as SVG that lies inside a page; colors are the page's classes, so that it may be light or dark.</summary>
internal static class Plot
{
    private const double Left = 56;
    private const double Right = 18;
    private const double Top = 14;
    private const double Bottom = 26;
    private const double WidestBar = 36;
    private const int GridLines = 4;

    /// <summary>Bars from zero up, with a scale at the left.</summary>
    /// <param name="bars">From left to right.</param>
    /// <param name="about">What it shows, for people who hear it read.</param>
    /// <param name="color">Class of the bars.</param>
    /// <param name="width">Of the picture.</param>
    /// <param name="height">Of the picture.</param>
    /// <param name="least">Nothing between two lines of the scale is less: 1 for what is counted.</param>
    /// <param name="say">Writes a number of the scale.</param>
    public static string Bars(IReadOnlyList<PlotBar> bars, string about, string color, double width, double height, double least, Func<double, string> say)
    {
        var step = Math.Max(least, StepOf(bars.Max(bar => bar.Value) ?? 0));
        var top = step * Math.Max(1, Math.Ceiling((bars.Max(bar => bar.Value) ?? 0) / step));
        var (plotWidth, plotHeight) = (width - Left - Right, height - Top - Bottom);
        var slot = plotWidth / Math.Max(1, bars.Count);
        var thick = Math.Min(WidestBar, slot > 4 ? slot * 0.78 : slot);
        var svg = new StringBuilder();
        Append(svg, $"""<svg viewBox="0 0 {width} {height}" role="img" aria-label="{Text(about)}">""");
        for (var value = 0.0; value <= top + step / 2; value += step)
        {
            var y = Top + plotHeight * (1 - value / top);
            Append(svg, $"""<line class="{(value == 0 ? "base" : "grid")}" x1="{Left}" y1="{y:0.#}" x2="{width - Right}" y2="{y:0.#}"/>""");
            Append(svg, $"""<text class="scale" x="{Left - 8}" y="{y + 4:0.#}">{Text(say(value))}</text>""");
        }
        for (var index = 0; index < bars.Count; index++)
        {
            var (bar, middle) = (bars[index], Left + slot * (index + 0.5));
            if (bar.Label is { } label)
                Append(svg, $"""<text class="mark" x="{middle:0.#}" y="{height - 7}">{Text(label)}</text>""");
            if (bar.Value is not { } value)
                continue;
            var tall = plotHeight * value / top;
            Append(svg, $"<g><title>{Text(bar.Hint)}</title>");
            Box("hit", middle, slot, plotHeight);
            if (value > 0)
                Box(color, middle, thick, tall);
            svg.Append("</g>");
        }
        return svg.Append("</svg>").ToString();

        void Box(string kind, double middle, double wide, double tall) =>
            Append(svg, $"""<rect class="{kind}" x="{middle - wide / 2:0.##}" y="{Top + plotHeight - tall:0.##}" width="{wide:0.##}" height="{tall:0.##}" rx="1.5"/>""");
    }

    /// <summary>From the median to the 99th of 100 on a logarithmic scale, with a mark at the 95th.</summary>
    public static string Spread(double p50, double p95, double p99, double smallest, double greatest)
    {
        const double wide = 240;
        var svg = new StringBuilder("""<svg class="spread" viewBox="0 0 240 14" aria-hidden="true">""");
        Append(svg, $"""<line class="grid" x1="0" y1="7" x2="{wide}" y2="7"/>""");
        Append(svg, $"""<line class="span" x1="{At(p50):0.#}" y1="7" x2="{At(p99):0.#}" y2="7"/>""");
        Append(svg, $"""<circle class="dot" cx="{At(p50):0.#}" cy="7" r="4"/>""");
        Append(svg, $"""<line class="tick" x1="{At(p95):0.#}" y1="2" x2="{At(p95):0.#}" y2="12"/>""");
        return svg.Append("</svg>").ToString();

        double At(double value) => 5 + (wide - 10) * Math.Log(Math.Clamp(value, smallest, greatest) / smallest) / Math.Max(1e-9, Math.Log(greatest / smallest));
    }

    /// <summary>Text inside a page.</summary>
    public static string Text(string text) => WebUtility.HtmlEncode(text);

    /// <summary>1, 2 or 5 times a power of ten, so that a few of them reach the greatest value.</summary>
    private static double StepOf(double greatest)
    {
        if (greatest <= 0)
            return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(greatest / GridLines)));
        return new[] { 1, 2, 5, 10 }.Select(factor => factor * power).First(step => greatest / step <= GridLines + 0.5);
    }

    private static void Append(StringBuilder svg, FormattableString part) => svg.Append(part.ToString(CultureInfo.InvariantCulture));
}
