import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.http.Fault;
import com.github.tomakehurst.wiremock.stubbing.Scenario;
import fly.Access;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.PrivateNetwork;
import fly.Template;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

class FlyTest {
  @RegisterExtension static FakeFly fake = new FakeFly();

  private static final JsonNode BODY = Fly.JSON.createObjectNode().put("a", 1);

  private final List<String> story = new ArrayList<>();
  private final List<String> verbose = new ArrayList<>();

  private final FastClock clock = FastClock.ofSleeps();

  @BeforeEach
  void time() {
    Deadline.clock(clock);
  }

  @AfterEach
  void realTime() {
    Deadline.clock(null);
  }

  private Fly fly() {
    return Fly.connect(
        null, verbose::add, (format, args) -> story.add(String.format(format, args)));
  }

  /** Answers in this way once, and with {"ok": true} from then on. */
  private static void firstThenOk(String method, ResponseDefinitionBuilder first) {
    fake.stubFor(
        request(method, urlEqualTo("/v1/x"))
            .inScenario("once")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(first)
            .willSetStateTo("then"));
    fake.stubFor(
        request(method, urlEqualTo("/v1/x"))
            .inScenario("once")
            .whenScenarioStateIs("then")
            .willReturn(okJson("{\"ok\": true}")));
  }

  private static int requests() {
    return fake.getAllServeEvents().size();
  }

  @Test
  void each_name_in_a_path_takes_the_next_id_whatever_is_in_it() {
    fake.stubFor(
        get("/v1/apps/a%2Fb%20c/machines/%7Bx%7D").willReturn(okJson("{\"id\": \"{x}\"}")));

    assertEquals(
        "{\"id\":\"{x}\"}", fly().get("/v1/apps/{app}/machines/{m}", "a/b c", "{x}").toString());
  }

  @Test
  void reading_is_repeated_after_408_500_502_503_and_504() {
    for (var status : new int[] {408, 500, 502, 503, 504}) {
      fake.resetAll();
      firstThenOk("GET", status(status));

      assertTrue(fly().get("/v1/x").path("ok").asBoolean());
      assertEquals(2, requests(), "after " + status);
    }
  }

  @Test
  void reading_is_repeated_after_a_cut_connection() {
    firstThenOk("GET", aResponse().withFault(Fault.CONNECTION_RESET_BY_PEER));

    assertTrue(fly().get("/v1/x").path("ok").asBoolean());
  }

  @Test
  void reading_is_not_repeated_after_a_refusal() {
    for (var status : new int[] {400, 404, 409, 412, 422, 501}) {
      fake.resetAll();
      fake.stubFor(get("/v1/x").willReturn(status(status)));

      var e = assertThrows(FlyException.class, () -> fly().get("/v1/x"));
      assertEquals(status, e.status);
      assertEquals(1, requests(), "after " + status);
    }
  }

  @Test
  void a_POST_is_never_repeated() {
    for (var answer :
        List.of(
            status(502),
            status(503),
            status(504),
            aResponse().withFault(Fault.CONNECTION_RESET_BY_PEER))) {
      fake.resetAll();
      fake.stubFor(post("/v1/x").willReturn(answer));

      assertThrows(FlyException.class, () -> fly().post("/v1/x", BODY));
      assertEquals(1, requests());
    }
  }

  @Test
  void an_action_that_may_happen_twice_is_repeated() {
    firstThenOk("POST", status(503));

    assertTrue(fly().action("/v1/x", null).path("ok").asBoolean());
  }

  @Test
  void a_429_is_repeated_whatever_the_method() {
    for (var method : new String[] {"GET", "POST", "PUT", "DELETE"}) {
      fake.resetAll();
      firstThenOk(method, status(429).withHeader("Retry-After", "0"));

      var answer =
          switch (method) {
            case "GET" -> fly().get("/v1/x");
            case "POST" -> fly().post("/v1/x", BODY);
            case "PUT" -> fly().put("/v1/x", BODY);
            default -> fly().delete("/v1/x");
          };
      assertTrue(answer.path("ok").asBoolean(), method);
    }
  }

  @Test
  void Retry_After_counts_in_seconds_or_names_a_date() {
    firstThenOk("GET", status(429).withHeader("Retry-After", "1"));
    fly().get("/v1/x");
    fake.resetAll();
    var past = ZonedDateTime.now(ZoneOffset.UTC).minusMinutes(1);
    var date = DateTimeFormatter.RFC_1123_DATE_TIME.format(past);
    firstThenOk("GET", status(429).withHeader("Retry-After", date));
    fly().get("/v1/x");

    assertEquals(
        List.of(
            "Fly.io limits the rate of requests; waiting 1.0 s ...",
            "Fly.io limits the rate of requests; waiting 0.0 s ..."),
        story);
  }

  @Test
  void a_limit_that_does_not_end_is_told() {
    fake.stubFor(
        get("/v1/x")
            .willReturn(
                status(429)
                    .withHeader("Retry-After", "0")
                    .withBody("{\"error\": \"rate limit exceeded\"}")));

    var fly = fly().eachWithin(Duration.ofSeconds(20));
    var e = assertThrows(FlyException.class, () -> fly.get("/v1/x"));

    assertEquals("Fly.io is limiting the rate of requests", e.what);
    assertTrue(e.why.contains("the deadline of 20s leaves no time for another try"), e.why);
    assertTrue(requests() < 12, "a limit is not answered by a storm: " + requests());
  }

  @Test
  void what_may_have_been_created_is_looked_for_before_it_is_sent_again() {
    for (var answer :
        List.of(
            status(408),
            status(500),
            status(504),
            aResponse().withFault(Fault.CONNECTION_RESET_BY_PEER))) {
      fake.resetAll();
      fake.stubFor(post("/v1/x").willReturn(answer));

      var found = fly().create("/v1/x", BODY, () -> Optional.of(BODY));

      assertEquals(BODY, found);
      assertEquals(1, requests());
    }
  }

  @Test
  void what_was_clearly_refused_is_not_looked_for() {
    fake.stubFor(post("/v1/x").willReturn(status(422)));

    var e =
        assertThrows(
            FlyException.class,
            () ->
                fly()
                    .create(
                        "/v1/x",
                        BODY,
                        () -> {
                          throw new AssertionError("looked");
                        }));

    assertEquals(422, e.status);
  }

  @Test
  void deleting_what_is_gone_counts_once_the_request_had_to_be_repeated() {
    fake.stubFor(
        delete("/v1/x")
            .inScenario("once")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(status(503).withHeader("Retry-After", "0"))
            .willSetStateTo("then"));
    fake.stubFor(
        delete("/v1/x").inScenario("once").whenScenarioStateIs("then").willReturn(status(404)));

    assertEquals("{}", fly().delete("/v1/x").toString());
    assertEquals(404, assertThrows(FlyException.class, () -> fly().delete("/v1/x")).status);
  }

  @Test
  void deleting_what_never_was_is_refused_even_after_a_rate_limit() {
    fake.stubFor(
        delete("/v1/x")
            .inScenario("limited")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(status(429).withHeader("Retry-After", "0"))
            .willSetStateTo("then"));
    fake.stubFor(
        delete("/v1/x").inScenario("limited").whenScenarioStateIs("then").willReturn(status(404)));

    assertEquals(404, assertThrows(FlyException.class, () -> fly().delete("/v1/x")).status);
    assertEquals(2, requests());
  }

  @Test
  void a_port_that_does_not_exist_is_nobody_there() {
    System.setProperty("FLY_API_HOSTNAME", "http://127.0.0.1:65536");

    var e = assertThrows(FlyException.class, () -> fly().get("/v1/x"));

    assertEquals("could not reach http://127.0.0.1:65536", e.what);
    assertTrue(e.why.startsWith("there is no port 65536"), e.why);
  }

  @Test
  void nobody_there_is_told_at_once() {
    System.setProperty("FLY_API_HOSTNAME", "http://127.0.0.1:1");

    var e = assertThrows(FlyException.class, () -> fly().get("/v1/x"));

    assertEquals("could not reach http://127.0.0.1:1", e.what);
    assertTrue(e.why.contains("GET http://127.0.0.1:1/v1/x"), e.why);
    assertTrue(e.tryNext.contains("is the sandbox running?"), e.tryNext);
    assertEquals(FlyException.REFUSED, e.exitCode);
  }

  @Test
  void an_answer_that_is_not_JSON_is_told_with_its_beginning() {
    fake.stubFor(get("/v1/x").willReturn(ok("<html>a login page</html>")));

    var e = assertThrows(FlyException.class, () -> fly().get("/v1/x"));

    assertEquals("the answer of " + fake.baseUrl() + " is not JSON", e.what);
    assertTrue(e.why.startsWith("<html>a login page</html> (200 from GET "), e.why);
  }

  @Test
  void a_refusal_that_is_not_JSON_is_quoted() {
    fake.stubFor(get("/v1/x").willReturn(status(404).withBody("404 page not found")));

    var e = assertThrows(FlyException.class, () -> fly().get("/v1/x"));

    assertTrue(e.why.startsWith("404 page not found (404 from GET "), e.why);
  }

  @Test
  void an_action_may_answer_nothing_and_a_read_may_not() {
    fake.stubFor(delete("/v1/x").willReturn(status(202)));
    fake.stubFor(get("/v1/x").willReturn(status(200)));

    assertEquals("{}", fly().delete("/v1/x").toString());
    var e = assertThrows(FlyException.class, () -> fly().get("/v1/x"));
    assertTrue(e.why.startsWith("it is empty, and an object or a list is expected"), e.why);
  }

  @Test
  void a_redirect_is_not_followed_because_the_token_would_go_along() {
    fake.stubFor(
        get("/v1/x").willReturn(status(302).withHeader("Location", fake.baseUrl() + "/v1/y")));

    var e = assertThrows(FlyException.class, () -> fly().get("/v1/x"));

    assertEquals(302, e.status);
    assertEquals(1, requests());
  }

  @Test
  void a_create_whose_answer_names_something_else_may_have_happened() {
    var machines = "/v1/apps/{app}/machines";
    var body = Fly.JSON.createObjectNode().put("name", "one");
    fake.stubFor(
        post("/v1/apps/demo/machines").willReturn(okJson("{\"id\": \"2\", \"name\": \"two\"}")));

    var failure = assertThrows(FlyException.class, () -> fly().post(machines, body, "demo"));

    assertEquals(FlyException.AMBIGUOUS, failure.exitCode);
    assertTrue(failure.why.contains("whose \"name\" is \"one\""), failure.why);
  }

  @Test
  void a_Machine_of_another_id_is_not_the_one_that_was_asked_for() {
    fake.stubFor(get("/v1/apps/demo/machines/1").willReturn(okJson("{\"id\": \"2\"}")));

    var failure = assertThrows(FlyException.class, () -> fly().machine("demo", "1"));

    assertTrue(failure.why.contains("whose \"id\" is \"1\""), failure.why);
  }

  @Test
  void a_key_twice_makes_an_answer_unreadable() {
    var twice = "{\"ips\": [{\"ip\": \"fdaa::3\"}], \"ips\": []}";
    fake.stubFor(get("/v1/apps/demo/ip_assignments").willReturn(okJson(twice)));

    var failure =
        assertThrows(FlyException.class, () -> fly().get("/v1/apps/{app}/ip_assignments", "demo"));

    assertTrue(failure.why.contains("a key twice"), failure.why);
  }

  @Test
  void dots_are_no_id() {
    for (var id : List.of(".", "..")) {
      var failure =
          assertThrows(
              FlyException.class,
              () -> fly().delete("/v1/apps/{app}/machines/{machine}", "demo", id));
      assertEquals(FlyException.USAGE, failure.exitCode);
    }
  }

  @Test
  void GraphQL_reports_a_failure_inside_a_200() {
    fake.stubFor(
        post("/graphql")
            .willReturn(
                okJson(
                        "{\"data\": {\"app\": null}, \"errors\": [{\"message\": \"Could not find"
                            + " App \\\"x\\\"\", \"extensions\": {\"code\": \"NOT_FOUND\"}}]}")
                    .withHeader("fly-request-id", "01J-iad")));

    var e =
        assertThrows(
            FlyException.class, () -> fly().graphql("query { x }", Fly.JSON.createObjectNode()));

    assertEquals("there is no such app", e.what);
    assertTrue(e.why.startsWith("Could not find App \"x\" (NOT_FOUND in a 200 from POST"), e.why);
    assertTrue(e.why.endsWith("request id 01J-iad)"), e.why);
  }

  @Test
  void a_token_never_travels_in_the_clear_to_a_public_host() {
    for (var url :
        new String[] {
          "http://api.machines.dev",
          "http://internal",
          "http://evil.com/.internal",
          "http://x.internal@evil.com",
          "http://_x.internal@evil.com:80",
          "http://127.0.0.1.evil.com",
          "http://evil_host.com",
          "http://1.2.3.4"
        }) {
      System.setProperty("FLY_API_HOSTNAME", url);

      var e = assertThrows(FlyException.class, () -> fly().get("/v1/x"), url);
      assertEquals(FlyException.USAGE, e.exitCode, url);
      assertTrue(e.what.startsWith("a token must not travel in the clear"), url);
    }
  }

  @Test
  void a_host_that_cannot_exist_is_told_to_come_from_a_command_that_failed() {
    var url = "http://the-sandbox-did-not-start.invalid";

    var e = assertThrows(FlyException.class, () -> Access.requireSafe(url));

    assertEquals("there is no Fly.io at the-sandbox-did-not-start.invalid", e.what);
    assertTrue(e.tryNext.contains("fly-sandbox --start"), e::toString);
  }

  @Test
  void the_private_network_and_this_machine_may_be_asked_in_the_clear() {
    for (var url :
        new String[] {
          "https://api.machines.dev",
          "http://_api.internal:4280",
          "http://app.flycast",
          "http://localhost:1",
          "http://127.0.0.1:1",
          "http://[::1]:1"
        }) {
      Access.requireSafe(url);
    }
  }

  @Test
  void another_network_that_answers_to_a_private_name_gets_no_token() throws Exception {
    assertTrue(PrivateNetwork.holds(InetAddress.getByName("fdaa:0:18:a7b::3")));
    assertTrue(PrivateNetwork.holds(InetAddress.getByName("::1")));
    for (var elsewhere : List.of("10.0.0.7", "192.168.1.1", "fd00::1", "2a09:8280:1::1")) {
      assertFalse(PrivateNetwork.holds(InetAddress.getByName(elsewhere)), elsewhere);
    }
  }

  @Test
  void what_is_no_URL_is_told() {
    for (var url : new String[] {"api.machines.dev", "ftp://x", "http://", "not a url"}) {
      System.setProperty("FLY_API_HOSTNAME", url);

      var e = assertThrows(FlyException.class, () -> fly().get("/v1/x"), url);
      assertEquals(FlyException.USAGE, e.exitCode, url);
    }
  }

  /** The name is known in a file of its own, to a JVM of its own. */
  @Test
  @Tag("slow")
  void an_internal_host_is_reached_under_its_own_name_and_nowhere_else(@TempDir Path folder)
      throws Exception {
    fake.stubFor(
        get("/v1/apps/x/machines")
            .withHost(equalTo("_api.internal"))
            .willReturn(okJson("[{\"id\": \"148ed127f22387\"}]")));
    assertEquals("148ed127f22387\n", listed(folder, "127.0.0.1"));
    assertTrue(
        listed(folder, "203.0.113.7").contains("here it is 203.0.113.7, outside Fly.io's private"));
  }

  private static String listed(Path folder, String address) throws Exception {
    var hosts = Files.writeString(folder.resolve("hosts"), address + " _api.internal\n");
    var builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Djdk.net.hosts.file=" + hosts,
            "-DFLY_API_HOSTNAME=http://_api.internal:" + fake.getPort(),
            "-DFLY_API_TOKEN=" + FakeFly.TOKEN,
            "-cp",
            System.getProperty("java.class.path"),
            "ListMachines",
            "-q",
            "--app",
            "x");

    var process = builder.redirectErrorStream(true).start();
    var output = new String(process.getInputStream().readAllBytes());

    Await.exit(process);
    return output;
  }

  @Test
  void the_lines_of_verbose_hold_no_token() {
    fake.stubFor(get("/v1/x").willReturn(okJson("{}").withHeader("fly-request-id", "01J-iad")));

    fly().get("/v1/x");

    assertEquals(
        List.of("> GET " + fake.baseUrl() + "/v1/x", "< 200 (request id 01J-iad)"), verbose);
  }

  @Test
  void a_dry_run_sends_nothing_and_quotes_what_a_shell_would_read() throws Exception {
    System.clearProperty("FLY_API_TOKEN");
    var commands = new ArrayList<String>();
    var body = Fly.JSON.createObjectNode().put("name", "it's $HOME `id` \"x\"");

    Fly.connect(commands::add, null, (format, args) -> {}).post("/v1/x", body);
    var shell =
        new ProcessBuilder("sh", "-c", "curl() { printf '%s\\n' \"$@\"; }; " + commands.get(0))
            .start();
    var printed = new String(shell.getInputStream().readAllBytes());

    Await.exit(shell);
    assertTrue(printed.endsWith("-d\n" + Fly.pretty(body) + "\n"), printed);
    assertEquals(0, requests());
    assertFalse(printed.contains(FakeFly.TOKEN));
  }

  @Test
  void the_shipped_bodies_are_JSON() throws Exception {
    for (var shipped :
        new String[] {"app.json", "allocate-ip.json", "allocate-shared-ip.json", "machine.json"}) {
      assertTrue(Fly.JSON.readTree(Template.text(shipped)).isObject(), shipped);
    }
  }

  @Test
  void the_message_of_a_failure_says_why_and_what_to_try_for_plain_JShell() {
    var e = new FlyException("no app", "it is gone", "fly-create-app");

    assertEquals("no app\n  why: it is gone\n  try: fly-create-app", e.getMessage());
    assertEquals("error: " + e.getMessage(), e.toString());
    assertEquals("no app", new FlyException("no app", "", "").getMessage());
  }
}
