import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** fly-set-secrets, fly-list-secrets, fly-list-ips and fly-release-ip. */
class SecretAndIpCommandsTest {
  @RegisterExtension static FleetSandbox sandbox = new FleetSandbox();

  @Test
  void secrets_come_from_variables_and_only_names_are_listed() {
    System.setProperty("API_KEY_OF_THE_TEST", "s3cret");

    var set = Script.run(new SetSecrets(), "API_KEY_OF_THE_TEST");
    var list = Script.run(new ListSecrets());

    assertEquals(0, set.exit(), set.err());
    assertTrue(list.out().contains("API_KEY_OF_THE_TEST"), list.out());
    assertFalse((set.out() + set.err() + list.out() + list.err()).contains("s3cret"));
    System.clearProperty("API_KEY_OF_THE_TEST");
  }

  @Test
  void secrets_come_from_stdin() {
    var set = Script.runWithInput("\ufeffA=1\n\nB=x=y\n", new SetSecrets(), "--stdin", "-q");
    var list = Script.run(new ListSecrets(), "-q");

    assertEquals(0, set.exit(), set.err());
    assertEquals("A\nB\n", set.out());
    assertEquals("A\nB\n", list.out());
  }

  @Test
  void a_value_on_the_command_line_is_refused_and_not_repeated() {
    var result = Script.run(new SetSecrets(), "API_KEY=s3cret");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: a secret's value does not belong on the command"));
    assertFalse(result.err().contains("s3cret"), result.err());
  }

  @Test
  void a_variable_that_is_not_set_is_named() {
    var result = Script.run(new SetSecrets(), "NOWHERE_AT_ALL");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: NOWHERE_AT_ALL is not set"), result.err());
  }

  @Test
  void addresses_are_listed_and_released() {
    var ip =
        sandbox
            .fly()
            .post(
                "/v1/apps/{app}/ip_assignments",
                Fly.JSON.createObjectNode().put("type", "v6"),
                sandbox.app())
            .path("ip")
            .asText();

    var list = Script.run(new ListIps(), "-q");
    var released = Script.run(new ReleaseIp(), ip);
    var again = Script.run(new ReleaseIp(), "-q", ip);

    assertEquals(ip + "\n", list.out());
    assertEquals(0, released.exit(), released.err());
    assertTrue(released.out().contains("\"released\": true"), released.out());
    assertEquals(0, again.exit(), again.err());
    assertEquals(ip + "\n", again.out());
  }

  @Test
  void a_word_that_is_no_address_is_not_released() {
    var result = Script.run(new ReleaseIp(), "v6");

    assertEquals(2, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: \"v6\" is no IP address"), result.err());
  }

  @Test
  void an_empty_stdin_and_a_secret_that_is_there_twice_are_named() {
    var empty = Script.runWithInput("\n", new SetSecrets(), "--stdin");
    var twice = Script.runWithInput("A=s3cret\nA=t0psecret\n", new SetSecrets(), "--stdin");

    assertEquals(2, empty.exit());
    assertTrue(empty.err().contains("why: stdin is empty"), empty.err());
    assertEquals(2, twice.exit());
    assertTrue(twice.err().contains("error: A is there twice"), twice.err());
    assertFalse(twice.err().contains("secret\n"), twice.err());
  }
}
