import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Ctrl-C in the quickstart on a Fly.io that outlives it. */
@Tag("slow")
class InterruptionTest {
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws IOException {
    assumeFalse(Sh.ignoresCtrlC(), "this shell ignores SIGINT, and so does each of its processes");
    System.setProperty("fly.sandbox.npx", "none");
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).filesServer(FilesServer.class));
    sandbox.environment().forEach(System::setProperty);
  }

  @AfterEach
  void end() {
    if (sandbox == null) return;
    sandbox.close();
    System.clearProperty("fly.sandbox.npx");
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
  }

  @Test
  void Ctrl_C_while_the_quickstart_creates_leaves_nothing_and_says_so() throws Exception {
    for (var heading : new String[] {"Create your app", "Create a machine", "Accessing the MCP"}) {
      var quickstart = quickstart();
      var err = new BufferedReader(reader(quickstart));
      var story = new StringBuilder();
      for (var line = err.readLine(); !heading.equals(line); line = err.readLine()) {
        if (line == null) throw new AssertionError("no " + heading + " in " + story);
        story.append(line).append('\n');
      }

      signal(quickstart);
      err.lines().forEach(line -> story.append(line).append('\n'));

      assertEquals(130, Await.exit(quickstart), story.toString());
      assertTrue(story.toString().endsWith("\nNothing is left.\n"), story.toString());
      assertFalse(story.toString().contains("error:"), story.toString());
      assertFalse(story.toString().contains("\tat "), story.toString());
      var apps = Fly.connect(null, null, (format, args) -> {}).apps("personal");
      assertEquals(0, apps.size(), story.toString());
    }
  }

  @Test
  void a_second_Ctrl_C_ends_at_once_with_the_command_that_cleans_up() throws Exception {
    sandbox.faults().latency("api=300ms");
    var quickstart = quickstart();
    var err = new BufferedReader(reader(quickstart));
    var story = new StringBuilder();
    for (var line = err.readLine(); !"Create a volume".equals(line); line = err.readLine()) {
      story.append(line).append('\n');
    }

    sandbox.faults().latency("api=5s"); // it is still cleaning up when the second one comes
    signal(quickstart);
    for (var line = err.readLine(); line != null; line = err.readLine()) {
      story.append(line).append('\n');
      if (line.contains("Ctrl-C again")) signal(quickstart);
    }

    assertEquals(130, Await.exit(quickstart), story.toString());
    var last = story.toString().lines().reduce((one, next) -> next).orElse("");
    assertTrue(
        last.matches(
            "Left on Fly.io: jbang fly-cleanup@catalog --app (mcp-demo-\\w+) --confirm \\1"),
        story.toString());
  }

  private Process quickstart() throws Exception {
    var builder = new ProcessBuilder(Jvm.command("Quickstart", "--live"));
    builder.environment().putAll(sandbox.environment());
    builder.environment().put("FLY_JBANG", "@catalog");
    builder.environment().put("ORG", "personal");
    return builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
  }

  private static InputStreamReader reader(Process process) {
    return new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8);
  }

  private static void signal(Process process) {
    new Sh().run("kill", "-INT", String.valueOf(process.pid()));
  }
}
