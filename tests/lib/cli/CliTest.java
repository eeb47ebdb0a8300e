import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.cli.Hint;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CliTest {
  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:1", FakeFly.TOKEN);
  }

  @Test
  void a_hint_names_the_command_as_it_was_started() {
    assertEquals("jbang fly-status@catalog", Hint.of("fly-status"));

    System.setProperty("FLY_JBANG", "./jbang");
    assertEquals("./jbang fly-status", Hint.of("fly-status"));

    System.setProperty("FLY_JBANG", "/my clone/jbang");
    assertEquals("'/my clone/jbang' fly-status", Hint.of("fly-status"));
  }

  @Test
  void a_percent_sign_in_a_path_is_nothing_special() {
    System.setProperty("FLY_JBANG", "/100%s/jbang");

    var result = Script.run(new NameApp());

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("Next: '/100%s/jbang' fly-create-app"), result.err());
  }

  @Test
  void a_wrong_command_line_is_told_with_what_was_meant() {
    var result = Script.run(new NameApp(), "--prefx", "x");

    assertEquals(2, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: Unknown options: '--prefx', 'x'"), result.err());
    assertTrue(result.err().contains("--prefix"), result.err());
    assertTrue(result.err().contains("try: jbang fly-name-app@catalog --help"), result.err());
  }

  @Test
  void help_shows_an_example_first_and_the_guides_heading_last() {
    var result = Script.run(new CreateVolume(), "--help");

    assertEquals(0, result.exit());
    assertTrue(
        result.out().startsWith("Example:\n  jbang fly-create-volume@catalog --region iad --size"));
    assertTrue(result.out().strip().endsWith("/machines-api/#create-a-volume"), result.out());
    assertEquals("", result.err());
  }
}
