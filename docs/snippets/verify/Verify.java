import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;

final class Verify {
  public static void main(String[] args) throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] fields = line.split("\t");
      for (int i = 0; i < fields.length; i++) if (fields[i].equals("-")) fields[i] = "";
      boolean genuine =
          Webhooks.isGenuine(Base64.getDecoder().decode(fields[5]), fields[0], fields[1], fields[2], List.of(fields[3].split(" ")), Long.parseLong(fields[4]));
      System.out.println(genuine ? "ok" : "refused");
    }
  }
}
