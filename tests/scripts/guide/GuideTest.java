import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The guide, end to end, on the sandbox. */
@Tag("slow")
class GuideTest {
  private static final Path GUIDE = Sh.ROOT.resolve("../shared/guide.md");
  private static final Pattern BLOCK = Pattern.compile("(?ms)^```(?:sh|json)\n(.*?)^```$");
  private static final String ACCESS = "curl -N https://${APP_NAME}.fly.dev/";

  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
  }

  @AfterEach
  void forget() {
    System.clearProperty("fly.sandbox.npx");
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
  }

  @Test
  void the_quickstart_ends_with_the_three_replies_of_the_guides_own_server() throws Exception {
    assumeTrue(exists("npx"), "no npx here");

    var result = Script.run(new Quickstart());

    assertReplies(result, "secure-filesystem-server");
  }

  @Test
  void without_Node_the_quickstart_runs_FilesServer_and_says_so() throws Exception {
    System.setProperty("fly.sandbox.npx", "none");

    var result = Script.run(new Quickstart());

    assertReplies(result, "FilesServer");
    assertTrue(result.err().contains("There is no Node here: FilesServer, in Java"), result.err());
  }

  @Test
  void the_quickstart_tells_each_step_with_the_guides_heading_and_the_command_that_does_it_alone() {
    System.setProperty("fly.sandbox.npx", "none");

    var story = Script.run(new Quickstart()).err();

    var from = 0;
    for (var step :
        List.of(
            "Select an organization\n  $ export ORG=$(jbang fly-select-org@catalog)\n",
            "Organization token\n  $ jbang fly-check-token@catalog\n",
            "Select an API hostname\n"
                + "  $ export FLY_API_HOSTNAME=$(jbang fly-select-hostname@catalog)\n",
            "Chose a hostname for your app\n  $ export APP_NAME=$(jbang fly-name-app@catalog)\n",
            "Create your app\n  $ jbang fly-create-app@catalog\n",
            "Create IP addresses for your application\n  $ jbang fly-allocate-ips@catalog\n",
            "Create a volume\n  $ jbang fly-create-volume@catalog\n",
            "Create a machine\n  $ jbang fly-create-machine@catalog\n",
            "Accessing the MCP\n  $ jbang fly-call-mcp@catalog",
            "Cleaning up\n  $ jbang fly-cleanup@catalog --confirm mcp-demo-")) {
      var at = story.indexOf(step, from);
      assertTrue(at >= 0, step + " is not in its place: " + story);
      from = at;
    }
  }

  @Test
  void the_quickstart_leaves_no_process_behind_and_never_shows_the_token() {
    System.setProperty("fly.sandbox.npx", "none");

    var result = Script.run(new Quickstart(), "-v");

    assertFalse((result.out() + result.err()).contains(System.getProperty("FLY_API_TOKEN")));
    assertEquals(
        List.of(),
        ProcessHandle.current()
            .descendants()
            .filter(process -> process.info().commandLine().orElse("").contains("FilesServer"))
            .toList());
  }

  @Test
  void every_step_printed_as_curl_does_that_step() throws Exception {
    assumeTrue(exists("curl"), "no curl here");
    System.setProperty("fly.sandbox.npx", "none");
    try (var sandbox =
        SandboxServer.start(SandboxConfig.onPort(0).filesServer(FilesServer.class))) {
      sandbox.environment().forEach(System::setProperty);
      System.setProperty("APP_NAME", "by-curl");
      var shell = new Sh().with("FLY_API_TOKEN", sandbox.token());

      for (var step :
          List.of(new CreateApp(), new AllocateIps(), new CreateVolume(), new CreateMachine())) {
        var curl = Script.run(step, "-n").out();
        assertFalse(curl.contains(sandbox.token()));
        var done = shell.run("sh", "-c", curl);
        assertTrue(done.out().matches("(?s)HTTP/1.1 20[01] .*"), curl + done.out() + done.err());
      }
      var machine = Fly.JSON.readTree(Script.run(new ListMachines(), "--json").out()).get(0);
      System.setProperty("MACHINE_ID", machine.get("id").asText());
      assertEquals(0, Script.run(new WaitMachine()).exit());
      Script.run(new CallMcp()); // a cold program would be too slow for the guide's sleeps

      // On a busy machine curl itself may need more than a second.
      var script = Script.run(new CallMcp(), "-n").out().replace("sleep 1\n", "sleep 5\n");
      var replies = shell.run("sh", "-c", script);

      assertTrue(replies.out().contains("[DIR] lost+found"), replies.out() + replies.err());
    }
  }

  /** The guide's text, unchanged but for the hosts and the token; needs no account. */
  @Test
  void the_guides_own_shell_lines_do_what_the_guide_says() throws Exception {
    assumeTrue(Files.exists(GUIDE), "the guide's text is not here");
    assumeTrue(exists("curl"), "no curl here");
    System.setProperty("fly.sandbox.npx", "none");
    try (var sandbox =
        SandboxServer.start(SandboxConfig.onPort(0).filesServer(FilesServer.class))) {
      var steps = new StringBuilder("set -e\n");
      if (!exists("uuidgen")) {
        steps.append("uuidgen() { cat /proc/sys/kernel/random/uuid; }\n");
      }
      var access = "";
      var blocks = BLOCK.matcher(Files.readString(GUIDE));
      while (blocks.find()) {
        var block = here(blocks.group(1), sandbox);
        if (blocks.group(1).startsWith(ACCESS)) access = block;
        else steps.append(block);
      }

      var done = new Sh().run("sh", "-c", steps + "\necho \"\nAPP_NAME=$APP_NAME\"\n");

      assertEquals(0, done.exit(), done.err());
      var answers = Pattern.compile("HTTP/1.1 (\\d+)").matcher(done.out()).results();
      assertEquals(
          List.of("201", "200", "200", "200", "200"),
          answers.map(answer -> answer.group(1)).toList(),
          done.out());
      assertFalse(done.out().contains("\"errors\""), done.out());
      assertTrue(done.out().contains("\"sharedIpAddress\":\""), done.out());
      assertTrue(done.out().contains("\"type\":\"v6\""), done.out());
      var app = done.out().replaceFirst("(?s).*\nAPP_NAME=(mcp-demo-[0-9a-f]{12})\n$", "$1");

      // "Simply run the script again if this happens": while the Machine starts, replies get lost.
      var shell = new Sh().with("APP_NAME", app);
      var replies = shell.run("sh", "-c", access).out();
      for (int again = 0; again < 20 && !replies.contains("[DIR] lost+found"); again++) {
        replies = shell.run("sh", "-c", access).out();
      }
      assertTrue(replies.contains("[DIR] lost+found"), replies);
      assertTrue(replies.contains("HTTP/1.1 202 Accepted"), replies);
      for (int id = 0; id < 3; id++) assertTrue(replies.contains("\"id\":" + id), replies);
    }
  }

  private static String here(String text, SandboxServer sandbox) {
    return text.replace("FlyV1 fm2_IJPECAAA...", sandbox.token())
        .replace("https://api.machines.dev", sandbox.url())
        .replace("https://api.fly.io", sandbox.url())
        .replace("https://${APP_NAME}.fly.dev/", sandbox.url() + "/edge/${APP_NAME}/");
  }

  private static void assertReplies(Script.Result result, String server) throws Exception {
    assertEquals(0, result.exit(), result.err());
    var replies = result.out().lines().toList();
    assertEquals(3, replies.size(), result.out());
    for (int id = 0; id < 3; id++) {
      assertEquals(id, Fly.JSON.readTree(replies.get(id)).get("id").asInt());
    }
    assertTrue(replies.get(0).contains(server), replies.get(0));
    assertTrue(replies.get(2).contains("[DIR] lost+found"), replies.get(2));
  }

  private static boolean exists(String program) {
    return new Sh().run("sh", "-c", "command -v " + program).exit() == 0;
  }
}
