using System.Net;
using System.Text.Json;

namespace Mobility.Tests.Support;

/// <summary>What tests say of the API's replies.</summary>
internal static class Replies
{
    /// <summary>It was refused with a status and a stable code; gives the problem.</summary>
    public static async Task<JsonElement> RefusedAsync(HttpResponseMessage reply, HttpStatusCode status, string code)
    {
        var text = await reply.Content.ReadAsStringAsync();
        reply.StatusCode.ShouldBe(status, text);
        var problem = JsonSerializer.Deserialize<JsonElement>(text);
        problem.GetProperty("code").GetString().ShouldBe(code);
        return problem;
    }
}
