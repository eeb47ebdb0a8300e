import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
  @BeforeEach
  @AfterEach
  void settings() {
    for (var name : new String[] {"fly.sandbox.npx", "JBANG_DIR", "FLY_JBANG_VERSION"}) {
      System.clearProperty(name);
    }
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

    assertEquals(17, findings.size());
    assertEquals("JDK", findings.at("/0/check").asText());
    assertEquals("failed", findings.at("/7/status").asText());
    assertTrue(findings.at("/7/try").asText().contains("fly-sandbox"));
  }

  @Test
  void a_client_whose_file_cannot_be_read_does_not_count_as_one_without_the_app(@TempDir Path home)
      throws Exception {
    var before = System.setProperty("user.home", home.toString());
    var file = Files.createDirectory(home.resolve(".cursor")).resolve("mcp.json");
    Files.write(file, new byte[] {'"', (byte) 0xe9, '"'});
    try {
      var unread = Script.run(new Doctor());
      System.clearProperty("APP_NAME");
      var nameless = Script.run(new Doctor());

      assertTrue(
          unread.out().contains("cursor has a file that cannot be read: " + file), unread.out());
      assertTrue(nameless.out().contains("MCP clients   cursor\n"), nameless.out());
    } finally {
      System.setProperty("user.home", before);
    }
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
      System.setProperty("REGION", "fra");
      var elsewhere = Script.run(new Doctor());
      System.clearProperty("REGION");
      Script.run(new CreateMachine());
      var whole = Script.run(new Doctor());

      assertEquals(0, without.exit(), without.err());
      assertTrue(
          without.out().contains("skipped  app           needs: APP_NAME, which is not set"));
      assertEquals(1, missing.exit());
      assertTrue(missing.err().contains("error: there is no such app\n"), missing.err());
      assertTrue(noMachine.err().contains("try: jbang fly-create-machine@catalog"));
      assertTrue(noMachine.out().contains("data in iad, free"), noMachine.out());
      assertTrue(elsewhere.err().contains("error: no volume is in the region fra"));
      assertTrue(elsewhere.out().contains("ok       volumes"), elsewhere.out());
      assertEquals(0, whole.exit(), whole.err());
      assertTrue(whole.out().contains("ok       MCP reply     FilesServer"), whole.out());
    }
  }

  @Test
  void an_app_without_an_address_has_its_volumes_looked_at_all_the_same() throws Exception {
    try (var sandbox = SandboxServer.start(SandboxConfig.onPort(0))) {
      sandbox.environment().forEach(System::setProperty);
      System.setProperty("APP_NAME", "mcp-doctor");
      Script.run(new CreateApp());
      Script.run(new CreateVolume());

      var result = Script.run(new Doctor());

      assertEquals(1, result.exit());
      assertTrue(result.err().contains("error: the app has no IP address"), result.err());
      assertTrue(result.out().contains("ok       volumes       data in iad"), result.out());
      assertTrue(result.out().contains("skipped  edge          needs: addresses"), result.out());
    }
  }

  @Test
  void the_wrapper_shows_how_many_commands_start_without_JBang(@TempDir Path folder)
      throws Exception {
    System.setProperty("FLY_JBANG", "./jbang");
    System.setProperty("JBANG_DIR", folder.toString());
    System.setProperty("FLY_JBANG_VERSION", "1");
    var missing = Script.run(new Doctor());
    Files.createDirectories(folder.resolve("wrapper/commands/a/jdk"));
    Files.createFile(folder.resolve("wrapper/commands/a/jdk/record"));
    Files.createFile(folder.resolve("wrapper/jbang-cli-1-all.jar"));
    var found = Script.run(new Doctor());

    assertTrue(missing.out().contains("failed   wrapper       JBang's jar is not at"));
    assertTrue(
        found
            .out()
            .contains(
                "ok       wrapper       ./jbang; start without JBang: 1 of the commands; archives"
                    + " of classes: 0"),
        found.out());
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
