import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.FlyException;
import fly.Settings;
import fly.mcp.check.ServerOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Secrets for an MCP server, and the source of its address. */
class ServerOptionsTest {
  private static final String USER_DIR = System.getProperty("user.dir");
  private static final List<String> FOREIGN =
      List.of("https://example.com/", "http://127.0.0.1:9/", "https://fly.dev.example.com/");

  @TempDir Path folder;
  private final ServerOptions options = new ServerOptions();

  @BeforeEach
  void elsewhere() {
    for (var setting : Settings.values()) System.clearProperty(setting.name());
    System.setProperty("user.dir", folder.toString());
  }

  @AfterEach
  void back() {
    System.setProperty("user.dir", USER_DIR);
    for (var name : List.of("FLY_MCP_BEARER_TOKEN", "FLY_MCP_PASSWORD", "FLY_TRUST_ENV_FILE")) {
      System.clearProperty(name);
    }
  }

  private void dotEnv(String... lines) throws IOException {
    Files.writeString(folder.resolve(".env"), String.join("\n", lines));
  }

  private String authorization() {
    return options.requestHeaders(options.server()).get("Authorization");
  }

  private void refused(String host) {
    var e = assertThrows(FlyException.class, this::authorization);

    assertEquals(FlyException.USAGE, e.exitCode);
    assertTrue(e.what.endsWith("would not be sent to " + host), e::toString);
    assertTrue(e.tryNext.contains("export FLY_EDGE_URL=" + host), e::toString);
    assertFalse(e.toString().contains("sesame"), e::toString);
  }

  @Test
  void a_host_of_an_env_file_does_not_get_the_token_of_the_environment() throws Exception {
    System.setProperty("FLY_MCP_BEARER_TOKEN", "sesame-1");
    for (var host : FOREIGN) {
      dotEnv("FLY_EDGE_URL=" + host);

      refused(host);
    }
    System.setProperty("FLY_TRUST_ENV_FILE", "1");
    assertEquals("Bearer sesame-1", authorization());
  }

  @Test
  void it_gets_the_token_of_the_same_file_and_Fly_its_own() throws Exception {
    System.setProperty("FLY_MCP_BEARER_TOKEN", "sesame-1");

    dotEnv("FLY_EDGE_URL=https://example.com/", "FLY_MCP_BEARER_TOKEN=of-the-file");
    assertEquals("Bearer of-the-file", authorization());
    dotEnv("FLY_EDGE_URL=https://mine.fly.dev/");
    assertEquals("Bearer sesame-1", authorization());
    dotEnv("FLY_EDGE_URL=https://example.com/");
    System.clearProperty("FLY_MCP_BEARER_TOKEN");
    assertNull(authorization());
  }

  @Test
  void a_host_of_an_option_gets_the_token_of_the_environment() throws Exception {
    System.setProperty("FLY_MCP_BEARER_TOKEN", "sesame-1");
    dotEnv("FLY_EDGE_URL=https://example.com/");
    options.url = "https://mine.test/";

    assertEquals("Bearer sesame-1", authorization());
  }

  @Test
  void an_address_without_a_scheme_is_refused() {
    for (var address : List.of("//example.com/mcp", "example.com", "/mcp", "ftp://example.com/")) {
      options.url = address;

      var e = assertThrows(FlyException.class, options::server);

      assertEquals(FlyException.USAGE, e.exitCode);
      assertEquals(address + " is no http or https URL", e.what);
    }
  }

  @Test
  void a_header_that_would_be_changed_on_its_way_is_refused() {
    options.url = "https://mine.test/";
    for (var value : List.of("\u20ac 5", "\ud83d\ude00", "a\rb")) {
      options.headers = List.of("X-Mine: " + value);

      var e = assertThrows(FlyException.class, this::authorization);

      assertEquals("no header can hold this", e.what);
    }
    options.headers = List.of("X-Mine: caf\u00e9"); // Latin-1, which HTTP/1.1 can carry
    assertNull(authorization());
  }

  @Test
  void neither_password_nor_files_nor_headers_go_to_a_host_of_an_env_file() throws Exception {
    var host = "https://example.com/";
    dotEnv("FLY_EDGE_URL=" + host);
    var file = Files.writeString(folder.resolve("secret"), "sesame-2\n");

    options.tokenFile = file;
    refused(host);
    options.tokenFile = null;
    options.user = "me";
    options.passwordFile = file;
    refused(host);
    options.passwordFile = null;
    System.setProperty("FLY_MCP_PASSWORD", "sesame-3");
    refused(host);
    options.user = null;
    options.headers.add("X-Api-Key: sesame-4");
    refused(host);
    options.headers.set(0, "X-Mine: yes");
    assertNull(authorization());
  }
}
