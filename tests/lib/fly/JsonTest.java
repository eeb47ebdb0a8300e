import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** JSON is read and written as Jackson's mapper does it. */
class JsonTest {
  private static final String MANY =
      """
      {"a":{"b":[1,-2,2147483648,123456789012345678901234567890,1.0,1e-7,1E400,-0.0],"c":{},"d":[]},
       "texts":["","\\u0000\\u001b\\"\\\\/\\n\\ud83d\\ude00 \\ud800 \\u00e9","x"],"yes":true,"no":false,"nothing":null,
       "twice":1,"twice":[2]}
      """;

  private static JsonNode mapped(String text) throws JsonProcessingException {
    return Fly.JSON.mapper().readTree(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {MANY, "[[[]]]", "7", "-1.50", "\"text\"", "null", "true", "", " \n\t", " {} "})
  void a_text_is_read_and_written_as_the_mapper_does_it(String text) throws Exception {
    var json = Fly.JSON.readTree(text);

    assertEquals(mapped(text), json);
    assertEquals(json, Fly.JSON.readTree(text.getBytes(StandardCharsets.UTF_8)));
    assertSame(json);
  }

  @Test
  void a_thousand_random_trees_are_written_as_the_mapper_does_it_and_read_again() throws Exception {
    var random = new SplittableRandom(7);
    for (int n = 0; n < 1000; n++) {
      var json = Fly.JSON.createObjectNode();
      grow(json, random, 4);
      assertSame(json);
      assertEquals(json.toString(), Fly.line(Fly.JSON.readTree(Fly.line(json))));
      assertEquals(json.toString(), Fly.line(Fly.JSON.readTree(Fly.pretty(json))));
    }
  }

  private static void assertSame(JsonNode json) throws Exception {
    assertEquals(Fly.JSON.mapper().writeValueAsString(json), Fly.line(json));
    assertArrayEquals(Fly.JSON.mapper().writeValueAsBytes(json), Fly.JSON.writeValueAsBytes(json));
  }

  private static void grow(ObjectNode json, SplittableRandom random, int depth) {
    for (int n = random.nextInt(5); n > 0; n--) {
      var name = Character.toString(random.nextInt(1, 0xd800));
      switch (random.nextInt(depth > 0 ? 9 : 7)) {
        case 0 -> json.put(name, random.nextInt());
        case 1 -> json.put(name, random.nextLong());
        case 2 -> json.put(name, random.nextDouble());
        case 3 -> json.put(name, random.nextBoolean());
        case 4 -> json.putNull(name);
        case 5 -> json.put(name, name.repeat(random.nextInt(40)));
        case 6 -> json.putArray(name).add(1).add(name).addNull();
        case 7 -> grow(json.putObject(name), random, depth - 1);
        default -> grow(json.putArray(name).addObject(), random, depth - 1);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "404 page not found",
        "{} {}",
        "1 2",
        "{\"a\":",
        "[1,",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "[1 2]",
        "]",
        "NaN",
        "'a'",
        "\"a",
        "{a:1}",
        "01",
        "\u0001"
      })
  void a_text_that_is_not_one_json_value_is_refused_as_the_mapper_refuses_it(String text) {
    assertThrows(JsonProcessingException.class, () -> mapped(text));

    assertThrows(JsonProcessingException.class, () -> Fly.JSON.readTree(text));
    assertThrows(
        JsonProcessingException.class,
        () -> Fly.JSON.readTree(text.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void a_text_that_is_too_deep_is_refused() {
    assertThrows(JsonProcessingException.class, () -> Fly.JSON.readTree("[".repeat(100_000)));
  }

  @Test
  void several_values_are_read_one_behind_the_other() throws Exception {
    assertEquals("[{\"a\":1}, [2], 3]", Fly.JSON.readTrees("{\"a\":1}\n[2] 3\n").toString());
  }
}
