import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The public conformance suite of MCP, with the wrap and the proxy in between. */
@Tag("slow")
class McpConformanceTest {
  /** How many the suite has for a server of 2025-11-25. */
  private static final int SCENARIOS = 33;

  private static final Pattern RESULT =
      Pattern.compile("(\\S+) (\\S+): \\d+ passed, (\\d+) failed");

  private final List<Process> processes = new ArrayList<>();
  private Path modules;

  @BeforeEach
  void suite() {
    modules = Npm.modules();
  }

  @AfterEach
  void nothingStays() throws InterruptedException {
    for (var process : processes) process.destroy();
    for (var process : processes) {
      Await.exit(process);
    }
  }

  @Test
  void every_server_scenario_passes_through_the_wrap() throws Exception {
    var url = wrap(server());

    var result = scenarios(url);

    assertEquals(SCENARIOS, passed(result), result.out() + result.err());
  }

  @Test
  void every_server_scenario_passes_through_the_proxy_too() throws Exception {
    var proxy = Jvm.command("McpProxy", "-q", "--url", wrap(server()));
    var url = wrap(proxy);

    var result = scenarios(url);

    assertEquals(SCENARIOS, passed(result), result.out() + result.err());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "initialize",
        "tools_call",
        "elicitation-sep1034-client-defaults",
        "sse-retry",
        "json-schema-2020-12-preservation",
        "request-metadata",
        "http-standard-headers"
      })
  void a_client_keeps_its_conformance_behind_the_proxy(String scenario) {
    var client = new ArrayList<>(List.of(Npm.node(), fixture("client.cjs")));
    client.addAll(Jvm.command("McpProxy", "-q", "--url"));

    var result = conformance("client", "--scenario", scenario, "--command", words(client));

    var told = (result.out() + result.err()).replaceAll("\u001b\\[\\d+m", "");
    assertTrue(told.contains(", 0 failed"), told);
  }

  private Sh.Result scenarios(String url) {
    return conformance("server", "--url", url, "--suite", "all", "--spec-version", "2025-11-25");
  }

  private Sh.Result conformance(String... args) {
    var suite = modules.resolve("@modelcontextprotocol/conformance/dist/index.js").toString();
    var command = Stream.concat(Stream.of(Npm.node(), suite), Stream.of(args));
    return new Sh().with("NODE_PATH", modules).run(command.toArray(String[]::new));
  }

  private static long passed(Sh.Result result) {
    return RESULT.matcher(result.out()).results().filter(m -> m.group(3).equals("0")).count();
  }

  private List<String> server() {
    return List.of(Npm.node(), fixture("server.cjs"));
  }

  private static String fixture(String file) {
    return Sh.ROOT.resolve("tests/support/conformance").resolve(file).toAbsolutePath().toString();
  }

  private static String words(List<String> command) {
    return String.join(" ", command);
  }

  /** Starts the wrap in front of a program; its address. */
  private String wrap(List<String> program) throws IOException {
    var command = Jvm.command("McpWrap", "-q", "--port", "0", "--");
    command.addAll(program);
    var shell = new Sh().with("NODE_PATH", modules).with("FLY_MCP_BEARER_TOKEN", null);
    var process = shell.start(command.toArray(String[]::new));
    processes.add(process);
    return new BufferedReader(new InputStreamReader(process.getInputStream())).readLine();
  }
}
