import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class NameAppTest {
  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:1", FakeFly.TOKEN);
  }

  @Test
  void it_prints_the_guides_kind_of_name_and_never_the_same_one_twice() {
    var one = Script.run(new NameApp());
    var other = Script.run(new NameApp());

    assertEquals(0, one.exit(), one.err());
    assertTrue(one.out().matches("mcp-demo-[0-9a-f]{12}\n"), one.out());
    assertNotEquals(one.out(), other.out());
    assertTrue(one.err().contains("Next: jbang fly-create-app@catalog"), one.err());
  }

  @Test
  void a_prefix_of_your_own_stands_before_it() {
    var result = Script.run(new NameApp(), "--prefix", "files-", "-q");

    assertTrue(result.out().matches("files-[0-9a-f]{12}\n"), result.out());
    assertEquals("", result.err());
  }

  @Test
  void a_prefix_that_Fly_io_would_not_take_is_refused() {
    for (var prefix : new String[] {"My_App", "-x", "", "a".repeat(51), "x y"}) {
      var result = Script.run(new NameApp(), "--prefix", prefix);

      assertEquals(2, result.exit(), prefix);
      assertEquals("", result.out());
      assertTrue(result.err().contains("lowercase letters, digits and dashes"), result.err());
      assertTrue(result.err().contains("--prefix mcp-demo"), result.err());
    }
  }
}
