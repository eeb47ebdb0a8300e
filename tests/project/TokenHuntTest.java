import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.any;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import fly.Deadline;
import fly.cli.Cli;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The token is in nothing that a command prints, with -v, in dry runs and in refusals. */
class TokenHuntTest {
  @RegisterExtension static final FakeFly fly = new FakeFly();

  @BeforeEach
  void waits_take_no_time() {
    Deadline.clock(new FastClock());
  }

  @AfterEach
  void they_do_again() {
    Deadline.clock(null);
  }

  /** Commands that talk to the API: those with a dry run. */
  static List<String> commands() throws Exception {
    var commands = new ArrayList<String>();
    for (var alias : EachCommand.aliases()) {
      if (EachCommand.options(alias).contains("--dry-run")) commands.add(alias);
    }
    return commands;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("commands")
  void it_is_in_no_dry_run(String alias) throws Exception {
    answer(404);

    hunt(alias, "-n", "-v");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("commands")
  void it_is_in_no_refusal(String alias) throws Exception {
    for (var status : List.of(400, 401, 403, 404, 422)) {
      answer(status);
      hunt(alias, "-v");
    }
  }

  private static void answer(int status) {
    fly.stubFor(
        any(anyUrl())
            .willReturn(
                aResponse()
                    .withStatus(status)
                    .withHeader("Content-Type", "application/json")
                    .withHeader("fly-request-id", "01ABC-iad")
                    .withBody("{\"error\":\"this is not for you\"}")));
  }

  private static void hunt(String alias, String... flags) throws Exception {
    var words = new ArrayList<>(List.of(flags));
    words.addAll(EachCommand.words(alias));
    words.remove("--follow");
    if (EachCommand.options(alias).contains("--timeout"))
      words.addAll(0, List.of("--timeout", "1s"));
    var out = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();

    Cli.run(EachCommand.script(alias), out, err, words.toArray(String[]::new));

    for (var stream : List.of(out, err)) {
      var text = stream.toString(StandardCharsets.UTF_8);
      assertFalse(text.contains(FakeFly.TOKEN), () -> words + ": " + text);
    }
  }

  /** Commands without a dry run that end by themselves, with arguments. */
  private static final Map<String, List<String>> OTHERS =
      Map.of(
          "fly", List.of(),
          "fly-env", List.of(),
          "fly-doctor", List.of("-v"),
          "fly-shell", List.of("-v", "-e", "fly.machines(app())"),
          "fly-select-hostname", List.of("-v"),
          "fly-name-app", List.of(),
          "fly-list-sizes", List.of());

  /**
   * Commands that serve, start others or write files: tests of their own hunt for their secrets.
   */
  private static final Map<String, String> ELSEWHERE =
      Map.of(
          "fly-quickstart", "InterruptionTest, GuideTest",
          "fly-run-page", "RunPageTest",
          "fly-eject", "EjectTest",
          "fly-sandbox", "SandboxScriptTest, SandboxAccessTest",
          "fly-mcp-proxy", "McpProxyTest, McpFaultMatrixTest",
          "fly-mcp-wrap", "McpWrapCommandTest",
          "fly-mcp-config", "McpConfigTest",
          "fly-mcp-launch", "McpLaunchTest");

  @Test
  void it_is_in_no_output_of_the_commands_without_a_dry_run() throws Exception {
    for (var status : List.of(401, 500)) {
      answer(status);
      for (var other : OTHERS.entrySet()) {
        if (commands().contains(other.getKey())) continue;
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        var words = other.getValue().toArray(String[]::new);
        Cli.run(EachCommand.script(other.getKey()), out, err, words);
        var text = out.toString(StandardCharsets.UTF_8) + err.toString(StandardCharsets.UTF_8);
        assertFalse(text.contains(FakeFly.TOKEN), () -> other.getKey() + ": " + text);
      }
    }
  }

  @Test
  void every_command_of_the_catalog_is_hunted_through() throws Exception {
    var left = new ArrayList<>(EachCommand.aliases());
    left.removeAll(commands());
    left.removeAll(OTHERS.keySet());
    left.removeAll(ELSEWHERE.keySet());

    assertEquals(List.of(), left);
  }
}
