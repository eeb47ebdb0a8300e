import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.FlyException;
import fly.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
  private static final String USER_DIR = System.getProperty("user.dir");

  @TempDir Path folder;

  @BeforeEach
  void elsewhere() {
    for (var setting : Settings.values()) System.clearProperty(setting.name());
    System.setProperty("user.dir", folder.toString());
  }

  @AfterEach
  void back() {
    System.setProperty("user.dir", USER_DIR);
  }

  private void dotEnv(String text) throws IOException {
    Files.writeString(folder.resolve(".env"), text);
  }

  @Test
  void a_property_comes_before_the_file_and_the_file_before_the_default() throws Exception {
    dotEnv("REGION=fra\n");
    var fromFile = Settings.REGION.get();
    System.setProperty("REGION", "iad");

    assertEquals("fra", fromFile);
    assertEquals("iad", Settings.REGION.get());
    assertNull(Settings.MACHINE_ID.get());
  }

  /** A Java program cannot change its own environment, so that this runs fly-env in another. */
  @Test
  @Tag("slow")
  void a_variable_comes_before_the_file_and_a_property_before_the_variable() throws Exception {
    dotEnv("REGION=fra\nAPP_NAME=file\n");

    var byVariable = env(Map.of("REGION", "iad", "ORG", " "), List.of());
    var byProperty = env(Map.of("REGION", "iad"), List.of("-DREGION=syd"));

    assertTrue(byVariable.contains("export REGION=iad\n"), byVariable);
    assertTrue(byVariable.contains("export APP_NAME=file\n"), byVariable);
    assertTrue(byVariable.contains("export ORG=personal\n"), byVariable);
    assertTrue(byProperty.contains("export REGION=syd\n"), byProperty);
  }

  private String env(Map<String, String> variables, List<String> options) throws Exception {
    var command = new java.util.ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "Env"));
    var builder = new ProcessBuilder(command).directory(folder.toFile());
    for (var setting : Settings.values()) builder.environment().remove(setting.name());
    builder.environment().putAll(variables);
    var process = builder.redirectErrorStream(true).start();
    var output = new String(process.getInputStream().readAllBytes());
    assertEquals(0, Await.exit(process), output);
    return output;
  }

  @Test
  void the_file_may_hold_what_shells_take() throws Exception {
    dotEnv(
        """
        # a comment
        export APP_NAME="mcp demo" # the app
        FLY_API_TOKEN='FlyV1 fm2_a=b#c'
          REGION = iad   # near
        ORG=
        nonsense
        """);

    assertEquals("mcp demo", Settings.APP_NAME.get());
    assertEquals("FlyV1 fm2_a=b#c", Settings.FLY_API_TOKEN.get());
    assertEquals("iad", Settings.REGION.get());
    assertEquals("personal", Settings.ORG.get());
  }

  @Test
  void a_quoted_value_of_several_lines_is_one_value_and_holds_no_variables() throws Exception {
    dotEnv("APP_NAME=\"one\nORG=evil\nlast\"\nREGION='a\nFLY_API_TOKEN=x'\n");

    assertEquals("one\nORG=evil\nlast", Settings.APP_NAME.get());
    assertEquals("personal", Settings.ORG.get());
    assertEquals("a\nFLY_API_TOKEN=x", Settings.REGION.get());
    assertNull(Settings.FLY_API_TOKEN.get());
  }

  @Test
  void a_byte_order_mark_hides_no_variable_and_Windows_line_ends_are_none_of_a_value()
      throws Exception {
    dotEnv("\ufeffAPP_NAME=demo\r\nREGION=iad\r\n");

    assertEquals("demo", Settings.APP_NAME.get());
    assertEquals("iad", Settings.REGION.get());
  }

  @Test
  void a_file_with_a_token_that_everybody_may_read_is_warned_about() throws Exception {
    dotEnv("FLY_API_TOKEN=x\n");
    var file = Path.of(System.getProperty("user.dir"), ".env");

    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    var warning = Settings.openSecret().orElseThrow();
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));

    assertEquals(
        "every user of this machine can read FLY_API_TOKEN in " + file + ": chmod 600 .env",
        warning);
    assertTrue(Settings.openSecret().isEmpty());
  }

  @Test
  void a_missing_one_is_told_with_the_line_to_type() {
    var e = assertThrows(FlyException.class, Settings.FLY_API_TOKEN::require);

    assertEquals("FLY_API_TOKEN is not set", e.what);
    assertEquals("export FLY_API_TOKEN=\"FlyV1 fm2_...\"", e.tryNext);
    assertEquals(FlyException.USAGE, e.exitCode);
  }

  @Test
  void a_variable_of_flyctl_is_offered_for_the_one_that_is_missing() {
    System.setProperty("FLY_ACCESS_TOKEN", "fo1_x");
    System.setProperty("FLY_APP", "mine");

    try {
      var token = assertThrows(FlyException.class, Settings.FLY_API_TOKEN::require);
      var app = assertThrows(FlyException.class, Settings.APP_NAME::require);

      assertEquals("export FLY_API_TOKEN=\"$FLY_ACCESS_TOKEN\"", token.tryNext);
      assertEquals("export APP_NAME=\"$FLY_APP\"", app.tryNext);
    } finally {
      System.clearProperty("FLY_ACCESS_TOKEN");
      System.clearProperty("FLY_APP");
    }
  }

  @Test
  void the_guides_addresses_are_the_defaults() {
    assertEquals("https://api.machines.dev", Settings.FLY_API_HOSTNAME.get());
    assertEquals("https://api.fly.io", Settings.FLY_API_BASE_URL.get());
    assertEquals("https://{app}.fly.dev/", Settings.FLY_EDGE_URL.get());
  }

  @Test
  void tokens_are_secrets_and_nothing_else_is() {
    assertTrue(Settings.FLY_API_TOKEN.secret());
    assertTrue(Settings.FLY_MCP_BEARER_TOKEN.secret());
    assertFalse(Settings.APP_NAME.secret());
  }

  @Test
  void a_host_of_the_file_that_is_not_Fly_ios_own_gets_no_token_from_elsewhere() throws Exception {
    System.setProperty("FLY_API_TOKEN", "token-of-the-user");
    for (var host :
        List.of("https://fly.io.example.com", "http://127.0.0.1:9", "https://xfly.io")) {
      dotEnv("FLY_API_HOSTNAME=%s\n".formatted(host));

      var e =
          assertThrows(
              FlyException.class,
              () -> Settings.FLY_API_TOKEN.requireFor(Settings.FLY_API_HOSTNAME));

      assertEquals(FlyException.USAGE, e.exitCode);
      assertFalse(e.toString().contains("token-of-the-user"), e::toString);
      assertTrue(e.tryNext.contains("FLY_TRUST_ENV_FILE=1"), e::toString);
    }
  }

  @Test
  void a_host_of_the_file_gets_the_token_of_the_file_and_Fly_ios_own_gets_any() throws Exception {
    System.setProperty("FLY_API_TOKEN", "token-of-the-user");
    dotEnv("FLY_API_HOSTNAME=https://example.com\nFLY_API_TOKEN=token-of-the-file\n");
    var foreign = Settings.FLY_API_TOKEN.requireFor(Settings.FLY_API_HOSTNAME);
    dotEnv("FLY_API_HOSTNAME=https://api.machines.dev\nFLY_API_TOKEN=token-of-the-file\n");
    var own = Settings.FLY_API_TOKEN.requireFor(Settings.FLY_API_HOSTNAME);

    assertEquals("token-of-the-file", foreign);
    assertEquals("token-of-the-user", own);
  }
}
