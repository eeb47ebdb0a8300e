import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients that others have written for Fly.io, as they come from npm, against the sandbox. */
@Tag("slow")
class SandboxClientsTest {
  @TempDir Path folder;
  private Path modules;
  private SandboxServer sandbox;

  @BeforeEach
  void start() {
    modules = Npm.modules();
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).filesServer(FilesServer.class));
  }

  @AfterEach
  void stop() {
    if (sandbox != null) sandbox.close();
  }

  @Test
  void fly_admin_finds_what_it_finds_on_Fly() {
    var script = Sh.ROOT.resolve("tests/support/clients/fly-admin.cjs").toString();

    var result =
        new Sh()
            .with("NODE_PATH", modules)
            .with("FLY_API_TOKEN", sandbox.token())
            .run(Npm.node(), script, sandbox.url());

    assertEquals(0, result.exit(), result.out() + result.err());
    assertEquals(
        """
        organization personal
        regions true
        apps [ 'fly-admin-demo' ]
        address v6
        addresses 1
        secrets [ 'A' ]
        app fly-admin-demo
        volume created
        extended 2
        snapshots 0
        started true
        volumes 1
        attached true
        processes true
        signal true
        lease success
        lease again true
        stop 409
        versions 2
        events true
        machine y
        machines 1
        left 0
        """,
        result.out());
  }

  @Test
  void the_inspector_lists_the_tools_of_a_Machines_server() throws Exception {
    Script.settings(sandbox.url(), sandbox.token());
    System.setProperty("fly.sandbox.npx", "none");
    try {
      var launched =
          Script.run(
              new McpLaunch(),
              "--no-config",
              "--bearer-token-file",
              folder.resolve("token").toString(),
              "--",
              "npx",
              "-f",
              "@modelcontextprotocol/server-filesystem",
              "/tmp");
      assertEquals(0, launched.exit(), launched.err());
      var proxy =
          new String[] {
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            "McpProxy",
            "--url",
            Fly.JSON.readTree(launched.out()).path("url").asText(),
            "--bearer-token-file",
            folder.resolve("token").toString()
          };
      var config = Fly.JSON.createObjectNode();
      var entry = config.putObject("mcpServers").putObject("ours").put("command", proxy[0]);
      var args = entry.putArray("args");
      for (var i = 1; i < proxy.length; i++) args.add(proxy[i]);
      var file = folder.resolve("inspector.json");
      Files.writeString(file, config.toString());
      var inspector = "@modelcontextprotocol/inspector/clients/launcher/build/index.js";

      var tools =
          new Sh()
              .with("HOME", folder)
              .run(
                  Npm.node(),
                  modules.resolve(inspector).toString(),
                  "--cli",
                  "--method",
                  "tools/list",
                  "--config",
                  file.toString(),
                  "--server",
                  "ours");

      assertEquals(0, tools.exit(), tools.out() + tools.err());
      assertTrue(tools.out().contains("list_directory"), tools.out());
    } finally {
      System.clearProperty("fly.sandbox.npx");
    }
  }
}
