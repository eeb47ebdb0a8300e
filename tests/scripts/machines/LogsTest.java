import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.tomakehurst.wiremock.client.MappingBuilder;
import fly.Fly;
import fly.cli.Cli;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class LogsTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String LOGS = "/api/v1/apps/mcp-demo/logs";

  @Test
  void the_newest_lines_are_printed_as_flyctl_writes_them() {
    fly.stubFor(
        logs("").withHeader("Authorization", containing(FakeFly.TOKEN)).willReturn(page("7", 1)));

    var result = Script.run(new Logs());

    assertEquals(0, result.exit(), result.err());
    assertEquals("2026-08-01T00:00:00.001Z app[148ed127f22387] iad [info] line 1\n", result.out());
    assertTrue(result.err().contains("Reading the logs of the app mcp-demo"), result.err());
  }

  @Test
  void with_json_each_line_is_what_the_API_says_of_it() throws Exception {
    fly.stubFor(logs("").willReturn(page("7", 1, 2)));

    var result = Script.run(new Logs(), "--json");

    var lines = result.out().lines().toList();
    assertEquals(2, lines.size(), result.out());
    assertEquals("line 2", Fly.JSON.readTree(lines.get(1)).path("message").asText());
    assertEquals("app", Fly.JSON.readTree(lines.get(1)).at("/meta/event/provider").asText());
  }

  @Test
  void one_Machine_or_one_region_is_asked_for() {
    fly.stubFor(
        logs("")
            .withQueryParam("instance", equalTo("148ed127f22387"))
            .withQueryParam("region", equalTo("iad"))
            .willReturn(page("7", 1)));

    var result = Script.run(new Logs(), "--machine", "148ed127f22387", "--region", "iad");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().endsWith("line 1\n"), result.out());
  }

  @Test
  void following_goes_on_where_the_last_page_ended_and_prints_nothing_twice() {
    fly.stubFor(logs("").willReturn(page("7", 1, 2)));
    fly.stubFor(
        logs("7").inScenario("f").willSetStateTo("quiet").willReturn(page("9", 2, 3))); // 2 again
    fly.stubFor(
        logs("9")
            .inScenario("f")
            .whenScenarioStateIs("quiet")
            .willSetStateTo("on")
            .willReturn(page("")));
    fly.stubFor(
        logs("9")
            .inScenario("f")
            .whenScenarioStateIs("on")
            .willSetStateTo("end")
            .willReturn(page("11", 4)));
    fly.stubFor(logs("11").inScenario("f").whenScenarioStateIs("end").willReturn(notFound()));

    var result = Script.run(new Logs(), "-f");

    assertEquals(1, result.exit(), "the app is gone, and so the end is an error");
    assertEquals(
        IntStream.of(1, 2, 3, 4).mapToObj(n -> "line " + n).toList(),
        result.out().lines().map(line -> line.replaceFirst(".*\\] ", "")).toList());
  }

  @Test
  void following_ends_when_nobody_reads_any_more() {
    fly.stubFor(logs("").willReturn(page("7", 1)));
    fly.stubFor(logs("7").willReturn(page("7")));
    var closed =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("Broken pipe");
          }
        };

    var exit =
        Cli.commandLine(new Logs())
            .setOut(new PrintWriter(closed, true))
            .setErr(new PrintWriter(new StringWriter()))
            .execute("--follow");

    assertEquals(0, exit);
  }

  @Test
  void an_app_that_is_not_there_is_told() {
    fly.stubFor(
        logs("").willReturn(status(404).withBody("{\"error\": \"Could not find App mcp-demo\"}")));

    var result = Script.run(new Logs());

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: there is no such app"), result.err());
  }

  @Test
  void a_dry_run_prints_curl_and_follows_nothing() {
    System.setProperty("FLY_API_BASE_URL", "https://api.fly.io/");

    var result = Script.run(new Logs(), "-n", "-f", "--machine", "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertTrue(
        result.out().contains("\"https://api.fly.io" + LOGS + "?next_token=&instance=148ed127f2"),
        result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
  }

  private static MappingBuilder logs(String token) {
    return get(urlPathEqualTo(LOGS)).withQueryParam("next_token", equalTo(token));
  }

  private static com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder page(
      String token, int... lines) {
    var page = Fly.JSON.createObjectNode();
    var data = page.putArray("data");
    for (var n : lines) {
      var attributes =
          data.addObject()
              .put("id", String.valueOf(n))
              .put("type", "log")
              .putObject("attributes")
              .put("timestamp", "2026-08-01T00:00:00.00%dZ".formatted(n))
              .put("message", "line " + n)
              .put("level", "info")
              .put("instance", "148ed127f22387")
              .put("region", "iad");
      attributes.putObject("meta").putObject("event").put("provider", "app");
    }
    page.putObject("meta").put("next_token", token);
    return okJson(page.toString());
  }
}
