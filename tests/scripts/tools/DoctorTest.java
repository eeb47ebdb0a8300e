import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DoctorTest {
  @BeforeEach
  @AfterEach
  void settings() {
    System.clearProperty("fly.sandbox.npx");
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
  }

  @Test
  void the_first_failure_comes_last_and_what_builds_on_it_is_skipped() {
    var result = Script.run(new Doctor());

    assertEquals(1, result.exit());
    assertTrue(result.out().contains("ok       JDK           "), result.out());
    assertTrue(result.out().contains("APP_NAME=mcp-demo (system property)"), result.out());
    assertTrue(result.out().contains("failed   reachability  could not reach http://127.0.0.1:9"));
    assertTrue(
        result
            .out()
            .contains("\n                       try: is the sandbox running? eval \"$(jbang"),
        result.out());
    assertTrue(result.out().contains("skipped  token         needs: reachability"), result.out());
    assertTrue(result.err().contains("eval \"$(jbang fly-sandbox@catalog --start)\"\n"));
    assertFalse((result.out() + result.err()).contains(FakeFly.TOKEN));
  }

  @Test
  void json_is_one_list_of_all_checks() throws Exception {
    var findings = Fly.JSON.readTree(Script.run(new Doctor(), "--json").out());

    assertEquals(15, findings.size());
    assertEquals("JDK", findings.at("/0/check").asText());
    assertEquals("failed", findings.at("/6/status").asText());
    assertTrue(findings.at("/6/try").asText().contains("fly-sandbox"));
  }

  @Test
  void on_a_sandbox_it_goes_as_far_as_things_are() throws Exception {
    System.setProperty("fly.sandbox.npx", "none");
    try (var sandbox =
        SandboxServer.start(SandboxConfig.onPort(0).filesServer(FilesServer.class))) {
      sandbox.environment().forEach(System::setProperty);
      System.clearProperty("APP_NAME");
      var without = Script.run(new Doctor());
      System.setProperty("APP_NAME", "mcp-doctor");
      var missing = Script.run(new Doctor());
      Script.run(new CreateApp());
      Script.run(new AllocateIps());
      Script.run(new CreateVolume());
      var noMachine = Script.run(new Doctor());
      Script.run(new CreateMachine());
      var whole = Script.run(new Doctor());

      assertEquals(0, without.exit(), without.err());
      assertTrue(
          without.out().contains("skipped  app           needs: APP_NAME, which is not set"));
      assertEquals(1, missing.exit());
      assertTrue(missing.err().contains("error: there is no such app\n"), missing.err());
      assertTrue(noMachine.err().contains("try: jbang fly-create-machine@catalog"));
      assertTrue(noMachine.out().contains("data in iad, free"), noMachine.out());
      assertEquals(0, whole.exit(), whole.err());
      assertTrue(whole.out().contains("ok       MCP reply     FilesServer"), whole.out());
    }
  }

  @Test
  void a_token_that_is_no_token_exits_with_4() throws Exception {
    try (var sandbox = SandboxServer.start(SandboxConfig.onPort(0))) {
      sandbox.environment().forEach(System::setProperty);
      System.setProperty("FLY_API_TOKEN", "FlyV1 fm2_IJPECAAA...");

      assertEquals(4, Script.run(new Doctor(), "-q").exit());
    }
  }
}
