import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A request to an app on the sandbox: who answers it, and what it is told when nobody can. */
@Tag("slow")
class SandboxEdgeTest {
  private SandboxServer sandbox;

  @BeforeEach
  void start() {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    Script.settings(sandbox.url(), sandbox.token());
    System.setProperty("fly.sandbox.npx", "none");
    assertEquals(0, Script.run(new CreateApp()).exit());
  }

  @AfterEach
  void stop() {
    System.clearProperty("fly.sandbox.npx");
    sandbox.close();
  }

  private void ready() {
    assertEquals(0, Script.run(new AllocateIps()).exit());
    assertEquals(0, Script.run(new CreateVolume()).exit());
    create();
  }

  private void create(String... args) {
    var machine = Script.run(new CreateMachine(), args);
    assertEquals(0, machine.exit(), machine.err());
    System.setProperty("MACHINE_ID", machine.out().replaceAll("(?s).*?\"id\": \"(\\w+)\".*", "$1"));
  }

  private void become(String state, Object script) {
    assertEquals(0, Script.run(script).exit());
    assertEquals(0, Script.run(new WaitMachine(), "--state", state).exit());
  }

  private String state() throws Exception {
    return Fly.JSON
        .readTree(Script.run(new ListMachines(), "--json").out())
        .at("/0/state")
        .asText();
  }

  private static void assertAnswers() {
    var result = Script.run(new CallMcp());
    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("[DIR] lost+found"), result.out());
  }

  @Test
  void a_Machine_just_created_answers() {
    ready();

    assertAnswers();
  }

  @Test
  void a_stopped_Machine_starts_on_its_first_request() throws Exception {
    ready();
    become("started", new WaitMachine());
    become("stopped", new StopMachine());

    assertAnswers();

    assertEquals("started", state());
  }

  @Test
  void a_suspended_Machine_goes_on_where_it_was() throws Exception {
    ready();
    assertAnswers();
    become("suspended", new SuspendMachine());

    assertAnswers();

    assertEquals("started", state());
  }

  @Test
  void an_app_without_an_address_is_told_how_to_get_one() {
    var result = Script.run(new CallMcp(), "--timeout", "3");

    assertEquals(10, result.exit());
    assertTrue(result.err().contains("allocate one with fly-allocate-ips"), result.err());
  }

  @Test
  void an_app_without_a_Machine_is_told_how_to_get_one() {
    Script.run(new AllocateIps());

    var result = Script.run(new CallMcp(), "--timeout", "3");

    assertEquals(10, result.exit());
    assertTrue(result.err().contains("create one with fly-create-machine"), result.err());
  }

  @Test
  void an_image_that_is_state_only_is_told() {
    Script.run(new AllocateIps());
    create("--no-volume", "--set", "config.image=nginx");

    var result = Script.run(new CallMcp(), "--timeout", "3");

    assertEquals(10, result.exit());
    assertTrue(
        result.err().contains("runs the image nginx, which is state only here"), result.err());
  }

  @Test
  void a_server_that_dies_at_once_shows_its_last_words() {
    Script.run(new AllocateIps());
    create("--no-volume", "--", "sh", "-c", "echo my last words >&2; exit 3");

    var result = Script.run(new CallMcp(), "--timeout", "8");

    assertEquals(10, result.exit());
    assertTrue(result.err().contains("exit code 3: my last words"), result.err());
  }

  @Test
  void a_server_that_cannot_be_started_is_told_by_name() {
    Script.run(new AllocateIps());
    create("--no-volume", "--", "no-such-program");

    var result = Script.run(new CallMcp(), "--timeout", "8");

    assertEquals(10, result.exit());
    assertTrue(result.err().contains("no-such-program"), result.err());
  }

  @Test
  void a_server_with_a_bearer_token_asks_for_it() {
    Script.run(new AllocateIps());
    Script.run(new CreateVolume());
    create("--set", "config.env.FLY_MCP_BEARER_TOKEN=s3cret");

    assertEquals(4, Script.run(new CallMcp()).exit());
    System.setProperty("FLY_MCP_BEARER_TOKEN", "s3cret");
    assertAnswers();
  }
}
