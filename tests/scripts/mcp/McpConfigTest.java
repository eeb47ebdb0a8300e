import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class McpConfigTest {
  private static final String URL = "https://mcp-demo-0123456789ab.fly.dev/";
  private static final String NAME = "mcp-demo-0123456789ab";

  @TempDir Path home;
  private final String realHome = System.getProperty("user.home");
  private final String realSystem = System.getProperty("os.name");

  @BeforeEach
  void settings() throws IOException {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
    home = home.toRealPath();
    System.setProperty("user.home", home.toString());
    System.setProperty("os.name", "Linux");
    System.setProperty("JBANG_DIR", home.resolve(".jbang").toString());
    System.setProperty("JAVA_HOME", "");
    System.setProperty("PATH", FakeJBang.in(home.resolve("bin")).toString());
  }

  @AfterEach
  void restore() {
    System.setProperty("user.home", realHome);
    System.setProperty("os.name", realSystem);
    for (var name : List.of("PATH", "JBANG_DIR", "JAVA_HOME")) System.clearProperty(name);
  }

  private static Script.Result config(String... args) {
    var all = new ArrayList<>(List.of("--url", URL));
    all.addAll(List.of(args));
    return Script.run(new McpConfig(), all.toArray(String[]::new));
  }

  private Path cursor(String text) throws IOException {
    var file = home.resolve(".cursor/mcp.json");
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  @Test
  void each_client_gets_the_server_in_its_own_file_and_shape() throws Exception {
    for (var client : List.of("claude-desktop", "claude-code", "cursor", "vscode")) {
      var result = config("--client", client);

      assertEquals(0, result.exit(), result.err());
      var file = Path.of(result.out().strip());
      var section = client.equals("vscode") ? "servers" : "mcpServers";
      var server = Fly.JSON.readTree(Files.readString(file)).path(section).path(NAME);
      assertEquals(home + "/bin/jbang", server.path("command").asText());
      assertEquals(
          "[\"run\",\"--offline\",\"fly-mcp-proxy@catalog\",\"--url\",\"" + URL + "\"]",
          server.path("args").toString());
      assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    }
    assertTrue(Files.exists(home.resolve(".config/Claude/claude_desktop_config.json")));
    assertTrue(Files.exists(home.resolve(".config/Code/User/mcp.json")));
    assertTrue(Files.exists(home.resolve(".claude.json")));
  }

  @Test
  void a_client_gets_the_readers_own_places_of_JBang_and_of_a_JDK_that_is_not_on_the_PATH()
      throws Exception {
    System.setProperty("JBANG_DIR", home.resolve("elsewhere").toString());
    System.setProperty("JAVA_HOME", "/opt/jdk");

    var result = config("--client", "cursor");

    assertEquals(0, result.exit(), result.err());
    var file = home.resolve(".cursor/mcp.json").toFile();
    var server = Fly.JSON.readTree(Files.readString(file.toPath())).path("mcpServers").path(NAME);
    assertEquals(home + "/elsewhere", server.path("env").path("JBANG_DIR").asText());
    assertEquals("/opt/jdk", server.path("env").path("JAVA_HOME").asText());
  }

  @Test
  void on_a_Mac_the_files_are_where_a_Mac_has_them() {
    System.setProperty("os.name", "Mac OS X");

    var result = config("--client", "claude-desktop");

    assertTrue(
        result.out().endsWith("Library/Application Support/Claude/claude_desktop_config.json\n"),
        result.out());
  }

  @Test
  void on_Windows_a_shell_starts_it_as_clients_start_no_cmd() throws Exception {
    System.setProperty("os.name", "Windows 11");

    var result = config("--client", "claude-desktop");

    var file = home.resolve("AppData/Roaming/Claude/claude_desktop_config.json");
    assertEquals(file + "\n", result.out(), result.err());
    var server = Fly.JSON.readTree(Files.readString(file)).path("mcpServers").path(NAME);
    assertEquals("cmd", server.path("command").asText());
    assertEquals(
        "[\"/c\",\"jbang\",\"run\",\"--offline\",\"fly-mcp-proxy@catalog\",\"--url\",\""
            + URL
            + "\"]",
        server.path("args").toString());
  }

  @Test
  void a_projects_file_is_in_its_folder() throws Exception {
    var result = config("--client", "vscode", "--scope", "project", "--folder", home.toString());

    assertEquals(home.resolve(".vscode/mcp.json") + "\n", result.out(), result.err());
    assertEquals(2, config("--client", "claude-desktop", "--scope", "project").exit());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\n  // mine\n  \"mcpServers\": {\n    \"a\": {\"command\": \"x\"} // the first\n  },\n"
            + "  \"z\": 1e2\n}\n",
        "{\r\n\t\"mcpServers\": {\r\n\t\t\"a\": {}\r\n\t}\r\n}\r\n",
        "{\"mcpServers\":{\"a\":{}}}",
        "{\n  \"mcpServers\": {\n    \"a\": {},\n    \"b\": [1, 2], /* trailing: */\n  },\n}\n",
        "\ufeff{\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}"
      })
  void what_else_is_in_the_file_stays_byte_for_byte(String text) throws Exception {
    var file = cursor(text);

    var added = config("--client", "cursor");

    assertEquals(0, added.exit(), added.err());
    var shown = Fly.JSON.readTree(config("--client", "cursor", "--show").out());
    assertEquals(home + "/bin/jbang", shown.at("/server/command").asText(), Files.readString(file));
    for (var kept : text.split("[{},\r\n]+")) {
      assertTrue(Files.readString(file).contains(kept.strip()), kept);
    }
    assertEquals(text, Files.readString(file.resolveSibling("mcp.json.bak")));

    var again = config("--client", "cursor");
    assertTrue(again.err().contains("already"), again.err());
    assertEquals(0, config("--client", "cursor", "--remove").exit());
    assertEquals(meaning(text), meaning(Files.readString(file)));
  }

  /** The text but for blanks, and for a comma that may stand behind the last member or not. */
  private static String meaning(String text) {
    return text.replaceAll("[\\s,]+", "");
  }

  @Test
  void on_lines_of_their_own_adding_and_removing_leaves_the_very_bytes() throws Exception {
    var text = "{\n  \"mcpServers\": {\n    \"a\": {} // mine\n  }\n}\n";
    var file = cursor(text);

    config("--client", "cursor");
    config("--client", "cursor", "--remove");

    assertEquals(text, Files.readString(file));
  }

  @Test
  void another_address_takes_the_place_of_the_old_one() throws Exception {
    var file = cursor("{\"mcpServers\": {\"" + NAME + "\": {\"command\": \"old\"}, \"b\": {}}}");

    config("--client", "cursor");

    var servers = Fly.JSON.readTree(Files.readString(file)).path("mcpServers");
    assertEquals(home + "/bin/jbang", servers.path(NAME).path("command").asText());
    assertTrue(servers.has("b"));
  }

  @Test
  void a_broken_file_is_told_with_its_place_and_left_as_it_is() throws Exception {
    var file = cursor("{\n  \"mcpServers\": {\n    \"a\": oops\n  }\n}");
    var before = Files.readString(file);

    var result = config("--client", "cursor");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("is not JSON"), result.err());
    assertTrue(result.err().contains("(line 3, column"), result.err());
    assertEquals(before, Files.readString(file));
    assertFalse(Files.exists(file.resolveSibling("mcp.json.bak")));
  }

  @Test
  void a_link_stays_a_link() throws Exception {
    var real = Files.writeString(home.resolve("dotfiles.json"), "{}");
    Files.createDirectories(home.resolve(".cursor"));
    Files.createSymbolicLink(home.resolve(".cursor/mcp.json"), real);

    config("--client", "cursor");

    assertTrue(Files.isSymbolicLink(home.resolve(".cursor/mcp.json")));
    assertTrue(Files.readString(real).contains(NAME));
  }

  @Test
  void secrets_are_referenced_and_never_written() throws Exception {
    System.setProperty("FLY_MCP_BEARER_TOKEN", "s3cret-token");
    var token = Files.writeString(home.resolve("token"), "s3cret-token");
    try {
      config("--client", "cursor", "--bearer-token-file", token.toString());
      config("--client", "vscode");
    } finally {
      System.clearProperty("FLY_MCP_BEARER_TOKEN");
    }

    var file = Files.readString(home.resolve(".cursor/mcp.json"));
    assertTrue(file.contains("--bearer-token-file"), file);
    assertFalse(file.contains("s3cret-token"), file);
    assertFalse(Files.readString(home.resolve(".config/Code/User/mcp.json")).contains("s3cret"));
    assertEquals(2, config("--client", "cursor", "--header", "Authorization: x").exit());
  }

  @Test
  void without_a_name_all_clients_found_here_get_it_and_none_is_an_error() throws Exception {
    var none = config();
    assertEquals(2, none.exit());
    assertTrue(none.err().contains("error: no MCP client was found here"), none.err());

    cursor("{}");
    Files.writeString(home.resolve(".claude.json"), "{\"numStartups\": 3}");
    assertEquals(2, config().out().lines().count());
    assertTrue(Files.readString(home.resolve(".claude.json")).contains("\"numStartups\": 3"));
  }

  @Test
  void a_project_in_a_folder_that_is_not_there_is_refused_and_the_folder_not_made() {
    var folder = home.resolve("projct");

    var result = config("--client", "cursor", "--scope", "project", "--folder", folder.toString());

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: there is no folder " + folder), result.err());
    assertFalse(Files.exists(folder));
  }
}
