import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ExecTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String EXEC = "/v1/apps/mcp-demo/machines/148ed127f22387/exec";

  private static Script.Result exec(String... command) {
    var args = new java.util.ArrayList<>(java.util.List.of("--machine", "148ed127f22387"));
    args.addAll(java.util.List.of(command));
    return Script.run(new Exec(), args.toArray(String[]::new));
  }

  @Test
  void what_the_command_says_and_its_exit_code_are_passed_on() {
    fly.stubFor(
        post(EXEC)
            .withRequestBody(equalToJson("{\"command\": [\"ls\", \"-l\", \"/data\"]}"))
            .willReturn(
                okJson("{\"exit_code\": 7, \"stdout\": \"a\\nb\\n\", \"stderr\": \"oh\\n\"}")));

    var result = exec("--", "ls", "-l", "/data");

    assertEquals(7, result.exit());
    assertEquals("a\nb\n", result.out());
    assertTrue(result.err().endsWith("oh\n"), result.err());
  }

  @Test
  void one_that_a_signal_ended_is_told_as_a_shell_does() {
    fly.stubFor(post(EXEC).willReturn(okJson("{\"exit_code\": -1, \"exit_signal\": 9}")));

    assertEquals(137, exec("--", "sleep", "99").exit());
  }

  @Test
  void our_own_stdin_is_handed_on() {
    fly.stubFor(
        post(EXEC)
            .withRequestBody(
                equalToJson("{\"command\": [\"cat\"], \"stdin\": \"hello\\n\", \"timeout\": 5}"))
            .willReturn(okJson("{\"exit_code\": 0, \"stdout\": \"hello\\n\"}")));

    var result =
        Script.runWithInput(
            "hello\n",
            new Exec(),
            "--machine",
            "148ed127f22387",
            "--stdin",
            "--timeout",
            "5s",
            "--",
            "cat");

    assertEquals(0, result.exit(), result.err());
    assertEquals("hello\n", result.out());
  }

  @Test
  void stdin_that_is_no_text_is_refused_and_not_changed_unseen() {
    var stdin = System.in;
    System.setIn(new ByteArrayInputStream(new byte[] {(byte) 0xff, 1, 2}));
    try {
      var result = exec("--stdin", "--", "cat");

      assertEquals(2, result.exit(), result.err());
      assertTrue(result.err().startsWith("error: stdin is not UTF-8 text\n"), result.err());
    } finally {
      System.setIn(stdin);
    }
    fly.verify(0, postRequestedFor(urlEqualTo(EXEC)));
  }

  @Test
  void a_Machine_that_does_not_run_is_told_with_Fly_ios_words() {
    fly.stubFor(
        post(EXEC)
            .willReturn(
                status(412).withBody("{\"error\": \"failed_precondition: machine not running\"}")));

    var result = exec("--", "ls");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("machine not running (412 from POST"), result.err());
  }

  @Test
  void a_time_that_Fly_io_does_not_give_is_refused_before_anything_is_sent() {
    var result = exec("--timeout", "2m", "--", "ls");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: a command cannot run for 2m"), result.err());
  }

  @Test
  void a_dry_run_prints_curl() {
    var result = exec("-n", "--", "ls", "it's");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains(EXEC + "\""), result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
  }
}
