import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

final class Webhooks {
  private static final long TOLERANCE_SECONDS = 300;

  /** body: the bytes as they came (Spring: a byte[] parameter with @RequestBody); secrets: whsec_…, two while one is rotated out. */
  static boolean isGenuine(byte[] body, String id, String timestamp, String signatures, List<String> secrets, long now)
      throws GeneralSecurityException {
    if (id == null || id.isEmpty() || timestamp == null || !timestamp.matches("[0-9]{1,12}") || signatures == null) return false;
    if (Math.abs(now - Long.parseLong(timestamp)) > TOLERANCE_SECONDS) return false;
    for (String secret : secrets) {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.substring("whsec_".length())), "HmacSHA256"));
      mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
      byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(StandardCharsets.UTF_8);
      for (String signature : signatures.split(" "))
        if (MessageDigest.isEqual(signature.getBytes(StandardCharsets.UTF_8), expected)) return true;
    }
    return false;
  }
}
