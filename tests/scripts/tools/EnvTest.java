import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EnvTest {
  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:1", FakeFly.TOKEN);
  }

  @Test
  void it_prints_export_lines_and_tells_of_a_token_only_whether_it_is_set() {
    var result = Script.run(new Env());

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("export ORG=personal\n"), result.out());
    assertTrue(result.out().contains("export APP_NAME=mcp-demo\n"), result.out());
    assertTrue(result.out().contains("export FLY_API_HOSTNAME=http://127.0.0.1:1\n"));
    assertTrue(result.out().contains("# FLY_API_TOKEN is set (not shown)\n"), result.out());
    assertTrue(result.out().contains("# MACHINE_ID is not set ("), result.out());
    assertFalse((result.out() + result.err()).contains(FakeFly.TOKEN));
  }

  @Test
  void a_shell_reads_back_whatever_a_value_holds() throws Exception {
    var value = "a b'c\"d $(date) `id` \\ #";
    System.setProperty("APP_NAME", value);
    var lines = Script.run(new Env()).out();

    var shell = new ProcessBuilder("sh", "-c", lines + "\nprintf %s \"$APP_NAME\"").start();
    var read = new String(shell.getInputStream().readAllBytes());

    Await.exit(shell);
    assertEquals(value, read);
  }
}
