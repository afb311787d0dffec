using System.Security.Cryptography;
using System.Text;

foreach (var line in Console.In.ReadToEnd().TrimEnd('\n').Split('\n'))
{
    var f = line.Split('\t').Select(field => field == "-" ? "" : field).ToArray();
    var genuine = Webhooks.IsGenuine(Convert.FromBase64String(f[5]), f[0], f[1], f[2], f[3].Split(' '), long.Parse(f[4]));
    Console.WriteLine(genuine ? "ok" : "refused");
}

#region verify
static class Webhooks
{
    const long ToleranceSeconds = 300;

    /// <param name="body">the bytes as they came: copy Request.Body before anything parses it</param>
    /// <param name="secrets">whsec_…, two while one is rotated out</param>
    public static bool IsGenuine(byte[] body, string id, string timestamp, string signatures, IEnumerable<string> secrets, long now)
    {
        if (id == "" || !timestamp.All(char.IsAsciiDigit) || !long.TryParse(timestamp, out var at)) return false;
        if (Math.Abs(now - at) > ToleranceSeconds) return false;
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
        foreach (var secret in secrets)
        {
            var mac = HMACSHA256.HashData(Convert.FromBase64String(secret["whsec_".Length..]), signed);
            var expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(mac));
            foreach (var signature in signatures.Split(' '))
                if (CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(signature), expected)) return true;
        }
        return false;
    }
}
#endregion verify
