import com.svix.Svix;
import com.svix.SvixOptions;
import com.svix.Webhook;
import com.svix.models.ApplicationIn;
import com.svix.models.EndpointIn;
import com.svix.models.MessageAttemptOut;
import com.svix.models.MessageIn;
import java.net.URI;
import java.util.List;

/** What a customer's back end does, through the official Java SDK. */
public class Flow {
  public static void main(String[] args) throws Exception {
    var options = new SvixOptions();
    options.setServerUrl(System.getenv("SERVER_URL"));
    var svix = new Svix(System.getenv("TOKEN"), options);
    var app = svix.getApplication().create(new ApplicationIn().name("Java").uid("java"));
    check(svix.getApplication().get("java").getId().equals(app.getId()), "another application");
    check(svix.getApplication().list().getData().stream().anyMatch(each -> each.getId().equals(app.getId())), "not listed");

    var url = new URI(System.getenv("RECEIVER_URL"));
    var endpoint = svix.getEndpoint().create("java", new EndpointIn().url(url).uid("main"));
    new Webhook(svix.getEndpoint().getSecret("java", "main").getKey());
    var sent = new MessageIn().eventType("java.sent").eventId("one").payload("{\"n\": 1}");
    var message = svix.getMessage().create("java", sent);
    check(svix.getMessage().get("java", "one").getId().equals(message.getId()), "another message");

    List<MessageAttemptOut> attempts = List.of();
    for (int look = 0; look < 200 && attempts.isEmpty(); look++) {
      if (look > 0) Thread.sleep(50);
      attempts = svix.getMessageAttempt().listByMsg("java", message.getId()).getData();
    }
    check(attempts.size() == 1 && attempts.get(0).getEndpointId().equals(endpoint.getId()), "another endpoint");
    // not resend: this SDK posts it without a body, which its own HTTP client refuses
    svix.getEndpoint().delete("java", "main");
    svix.getApplication().delete("java");
    System.exit(0); // threads of its HTTP client would wait for a minute
  }

  private static void check(boolean holds, String otherwise) {
    if (!holds) throw new IllegalStateException(otherwise);
  }
}
