import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What Machines of the sandbox say, asked for as flyctl asks. */
class SandboxLogsTest {
  private static final String LOGS = "/api/v1/apps/{app}/logs";

  private SandboxServer sandbox;
  private Fly fly;

  @BeforeEach
  void start() throws IOException {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    Script.settings(sandbox.url(), sandbox.token());
    fly = Fly.connect(null, null, (format, args) -> {});
    fly.post("/v1/apps", json("{'name': 'logs', 'org_slug': 'personal'}"));
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  @Test
  void what_a_program_says_on_stderr_is_kept_with_its_Machine_its_region_and_its_time()
      throws Exception {
    var machine = machine("fra", "echo hello >&2; exec sleep 1000");

    var line = awaitLine(all -> all.path("message").asText().equals("hello"));

    assertEquals(machine, line.path("instance").asText());
    assertEquals("fra", line.path("region").asText());
    assertEquals("info", line.path("level").asText());
    assertEquals("app", line.at("/meta/event/provider").asText());
    assertTrue(line.path("timestamp").asText().matches("20\\d\\d-.*T.*Z"), line.toString());
  }

  @Test
  void what_becomes_of_a_Machine_is_told_between_its_lines() throws Exception {
    var machine = machine("iad", "echo dying >&2; exit 3", "'restart': {'policy': 'no'},");

    awaitLine(line -> line.path("message").asText().equals("machine stopped"));

    var messages = new ArrayList<>(messages("?instance=" + machine));
    assertEquals("machine starting", messages.remove(0));
    assertTrue(messages.indexOf("dying") < messages.indexOf("program ended with code 3"));
    assertTrue(messages.remove("machine started") && messages.remove("dying"));
    assertEquals(List.of("program ended with code 3", "machine stopped"), messages);
  }

  @Test
  void a_page_leads_to_what_comes_after_it_and_to_nothing_else() throws Exception {
    awaitStarted(machine("iad", "seq 1 250 >&2; exec sleep 1000"));
    awaitLine(line -> line.path("message").asText().equals("250"));

    var newest = fly.getCentral(LOGS, "logs");
    var end = newest.at("/meta/next_token").asText();
    var first = fly.getCentral(LOGS + "?next_token=0", "logs");
    var second =
        fly.getCentral(LOGS + "?next_token={t}", "logs", first.at("/meta/next_token").asText());

    assertEquals(100, newest.path("data").size());
    assertEquals(List.of(), messages("?next_token=" + end));
    assertEquals(100, first.path("data").size());
    var numbers = new ArrayList<String>();
    for (var page : List.of(first, second)) numbers.addAll(messages(page));
    numbers.removeIf(line -> !line.matches("\\d+"));
    for (var i = 0; i < numbers.size(); i++) assertEquals("" + (i + 1), numbers.get(i));
    assertTrue(numbers.size() >= 197, numbers.toString());
  }

  @Test
  void lines_are_those_of_one_Machine_or_one_region_where_that_is_asked_for() throws Exception {
    var one = machine("iad", "echo from one >&2; exec sleep 1000");
    machine("fra", "echo from two >&2; exec sleep 1000");
    awaitLine(line -> line.path("message").asText().equals("from one"));
    awaitLine(line -> line.path("message").asText().equals("from two"));

    assertTrue(messages("?instance=" + one).contains("from one"));
    assertFalse(messages("?instance=" + one).contains("from two"));
    assertTrue(messages("?region=fra").contains("from two"));
    assertFalse(messages("?region=fra").contains("from one"));
  }

  @Test
  void a_line_without_end_becomes_several_and_fills_no_memory() throws Exception {
    machine("iad", "head -c 20000 /dev/zero | tr '\\0' x >&2; echo end >&2; exec sleep 1000");

    awaitLine(line -> line.path("message").asText().endsWith("end"));

    var lengths = messages("").stream().filter(line -> line.startsWith("x")).map(String::length);
    assertEquals(List.of(8192, 8192, 20000 - 2 * 8192 + 3), lengths.toList());
  }

  @Test
  void they_are_for_who_has_the_token_and_for_apps_that_are_there() {
    refused(404, LOGS, "no-such-app");
    refused(400, LOGS + "?next_token=yesterday", "logs");
    Script.settings(sandbox.url(), "another-token");
    fly = Fly.connect(null, null, (format, args) -> {});
    refused(401, LOGS, "logs");
  }

  @Test
  void the_script_shows_them() throws Exception {
    var machine = machine("iad", "echo hello >&2; exec sleep 1000");
    awaitLine(line -> line.path("message").asText().equals("hello"));
    awaitStarted(machine);

    var result = Script.run(new Logs(), "--app", "logs", "--machine", machine);

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains(" app[" + machine + "] iad [info] hello\n"), result.out());
    assertTrue(result.out().contains(" runner[" + machine + "] iad [info] machine started\n"));
  }

  @Test
  void the_script_follows_them_until_the_app_is_gone() throws Exception {
    var out = new StringWriter();
    var following =
        CompletableFuture.supplyAsync(
            () ->
                Cli.commandLine(new Logs())
                    .setOut(new PrintWriter(out))
                    .setErr(new PrintWriter(new StringWriter()))
                    .execute("--app", "logs", "--follow"));
    var machine =
        machine("iad", "trap 'echo two >&2' USR1; echo one >&2; while :; do sleep 0.1; done");
    Await.until(() -> out.toString().contains("[info] one\n"));
    awaitStarted(machine);

    fly.post("/v1/apps/logs/machines/" + machine + "/signal", json("{'signal': 'SIGUSR1'}"));

    Await.until(() -> out.toString().contains("[info] two\n"));
    assertEquals(out.toString().indexOf("[info] one"), out.toString().lastIndexOf("[info] one"));
    fly.delete("/v1/apps/logs");
    assertEquals(1, Await.value(following), "the app is gone");
  }

  private String machine(String region, String command) throws IOException {
    return machine(region, command, "");
  }

  private String machine(String region, String command, String more) throws IOException {
    var request =
        json(
            "{'region': '%s', 'config': {%s 'image': 'flyio/mcp', 'init': {'exec': []}}}"
                .formatted(region, more));
    var init = (com.fasterxml.jackson.databind.node.ObjectNode) request.at("/config/init");
    init.putArray("exec").add("sh").add("-c").add(command);
    return fly.post("/v1/apps/{app}/machines", request, "logs").path("id").asText();
  }

  /** Waits for the state and its line: a program may speak before. */
  private void awaitStarted(String machine) {
    fly.get("/v1/apps/logs/machines/{machine}/wait?timeout=60&state=started", machine);
  }

  private JsonNode awaitLine(Predicate<JsonNode> wanted) throws Exception {
    var found = new AtomicReference<JsonNode>();
    Await.until(
        () -> {
          for (var line : fly.getCentral(LOGS, "logs").path("data")) {
            if (wanted.test(line.path("attributes"))) found.set(line.path("attributes"));
          }
          return found.get() != null;
        },
        () -> "no such line: " + messages(""));
    return found.get();
  }

  private List<String> messages(String query) {
    return messages(fly.getCentral(LOGS + query, "logs"));
  }

  private static List<String> messages(JsonNode page) {
    return page.path("data").findValuesAsText("message");
  }

  private void refused(int status, String path, String app) {
    var refusal =
        Assertions.assertThrows(FlyException.class, () -> fly.getCentral(path, app), path);
    assertEquals(status, refusal.status);
  }

  private static JsonNode json(String text) throws IOException {
    return Fly.JSON.readTree(text.replace('\'', '"'));
  }
}
