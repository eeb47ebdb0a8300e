import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import fly.Template;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TemplateTest {
  @TempDir Path folder;

  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:1", FakeFly.TOKEN);
  }

  private ObjectNode load(String json, Map<String, String> values) throws Exception {
    var file = Files.writeString(folder.resolve("body.json"), json);
    return Template.load(file.toString(), null, values);
  }

  private static String set(String json, String path, String value) throws Exception {
    var body = (ObjectNode) Fly.JSON.readTree(json);
    Template.set(body, Map.of(path, value), warning -> {});
    return body.toString();
  }

  private static FlyException refused(String json, String path, String value) {
    return assertThrows(FlyException.class, () -> set(json, path, value));
  }

  @Test
  void variables_are_filled_wherever_strings_are() throws Exception {
    var body =
        load("{\"a\": \"x-${N}-${N}\", \"b\": [\"${N}\", {\"c\": \"${N}\"}]}", Map.of("N", "1"));

    assertEquals("{\"a\":\"x-1-1\",\"b\":[\"1\",{\"c\":\"1\"}]}", body.toString());
  }

  @Test
  void no_value_can_break_the_JSON_or_add_to_it() throws Exception {
    var evil = "\", \"admin\": true, \"x\": \"${APP_NAME}$1\\\n";

    var body = load("{\"name\": \"${N}\"}", Map.of("N", evil));

    assertEquals(1, body.size());
    assertEquals(evil, body.path("name").asText());
  }

  @Test
  void a_value_stays_a_string_even_where_it_looks_like_a_number() throws Exception {
    assertTrue(load("{\"n\": \"${N}\"}", Map.of("N", "1")).path("n").isTextual());
  }

  @Test
  void given_values_come_before_settings_and_settings_before_defaults() throws Exception {
    var json = "{\"a\": \"${APP_NAME:-none}\", \"b\": \"${NOWHERE:-none}\", \"c\": \"${NOPE:-}\"}";

    assertEquals("{\"a\":\"mcp-demo\",\"b\":\"none\",\"c\":\"\"}", load(json, Map.of()).toString());
    assertEquals("mine", load(json, Map.of("APP_NAME", "mine")).path("a").asText());
  }

  @Test
  void all_missing_names_are_told_at_once() {
    var e =
        assertThrows(
            FlyException.class,
            () -> load("{\"a\": \"${ZEBRA}\", \"b\": [\"${APE}${ZEBRA}\"]}", Map.of()));

    assertEquals("the request body needs APE, ZEBRA", e.what);
    assertEquals("export APE=...; export ZEBRA=...", e.tryNext);
    assertEquals(FlyException.USAGE, e.exitCode);
  }

  @Test
  void what_is_not_a_JSON_object_is_told_with_the_place() {
    var broken = assertThrows(FlyException.class, () -> load("{\n  \"a\": ,\n}", Map.of()));
    var list = assertThrows(FlyException.class, () -> load("[]", Map.of()));
    var more = assertThrows(FlyException.class, () -> load("{} {}", Map.of()));
    var none =
        assertThrows(FlyException.class, () -> Template.load("/no/such.json", null, Map.of()));

    assertTrue(broken.why.contains("line 2"), broken.why);
    assertTrue(list.what.endsWith("is not a JSON object"), list.what);
    assertTrue(more.what.endsWith("is not JSON"), more.what);
    assertEquals("there is no file /no/such.json", none.what);
  }

  @Test
  void a_field_that_is_set_keeps_its_type() throws Exception {
    var json = "{\"n\": 1, \"f\": 1.5, \"b\": true, \"s\": \"x\", \"l\": [1], \"o\": {\"p\": 1}}";

    assertEquals("{\"n\":2}", set("{\"n\": 1}", "n", "2"));
    assertEquals("{\"s\":\"2\"}", set("{\"s\": \"x\"}", "s", "2"));
    assertEquals("{\"b\":false}", set("{\"b\": true}", "b", "false"));
    assertEquals("{\"f\":2}", set("{\"f\": 1.5}", "f", "2"));
    assertEquals("{\"l\":[2,3]}", set("{\"l\": [1]}", "l", "[2, 3]"));
    assertEquals("{\"o\":{}}", set("{\"o\": {\"p\": 1}}", "o", "{}"));
    assertEquals("it is a whole number, and \"lots\" is not", refused(json, "n", "lots").why);
    assertEquals("it is true or false, and \"1\" is not", refused(json, "b", "1").why);
    assertEquals("it is a JSON list, and \"x\" is not", refused(json, "l", "x").why);
    assertEquals("it is a whole number, and \"1 2\" is not", refused(json, "n", "1 2").why);
    assertEquals("cannot set o.p", refused(json, "o.p", "x").what);
  }

  @Test
  void an_empty_value_removes_a_field() throws Exception {
    assertEquals("{\"a\":{}}", set("{\"a\": {\"b\": 1}}", "a.b", ""));
    assertEquals("{\"a\":[2]}", set("{\"a\": [1, 2]}", "a.0", ""));
    assertEquals("{}", set("{}", "a.b", ""));
  }

  @Test
  void a_number_is_an_index_in_a_list_and_the_next_one_appends() throws Exception {
    assertEquals("{\"a\":[{\"b\":2}]}", set("{\"a\": [{\"b\": 1}]}", "a.0.b", "2"));
    assertEquals("{\"a\":[1,2]}", set("{\"a\": [1]}", "a.1", "2"));
    assertEquals("3 is no index of a list of 1", refused("{\"a\": [1]}", "a.3", "2").why);
    assertEquals("x is no index of a list of 1", refused("{\"a\": [1]}", "a.x", "2").why);
  }

  @Test
  void a_field_that_was_not_there_is_created_with_a_warning() throws Exception {
    var body = (ObjectNode) Fly.JSON.readTree("{\"config\": {}}");
    var warnings = new ArrayList<String>();

    Template.set(body, Map.of("config.init.tty", "true"), warnings::add);

    assertEquals("{\"config\":{\"init\":{\"tty\":true}}}", body.toString());
    assertEquals(List.of("config.init.tty was not in the request body, and is now"), warnings);
  }

  @Test
  void an_environment_variable_is_a_string_whatever_it_looks_like() throws Exception {
    assertEquals("{\"env\":{\"PIN\":\"007\"}}", set("{}", "env.PIN", "007"));
    assertEquals("{\"env\":{\"N\":\"1e5\"}}", set("{\"env\": {}}", "env.N", "1e5"));
  }

  @Test
  void a_backslash_makes_a_dot_part_of_a_name() throws Exception {
    assertEquals("{\"a.b\":2}", set("{\"a.b\": 1}", "a\\.b", "2"));
  }

  @Test
  void a_path_that_leads_nowhere_is_told() {
    assertEquals("a name is missing in the path", refused("{}", "a..b", "1").why);
    assertEquals("a is a string and holds no fields", refused("{\"a\": \"x\"}", "a.b", "1").why);
  }

  @Test
  void two_quotes_are_the_empty_string() throws Exception {
    assertEquals("{\"env\":{\"A\":\"\"}}", set("{\"env\": {}}", "env.A", "\"\""));
    assertEquals("{\"s\":\"\"}", set("{\"s\": \"x\"}", "s", "\"\""));
    assertEquals("{\"new\":\"\"}", set("{}", "new", "\"\""));
  }

  @Test
  void a_variable_given_to_the_map_is_refused_with_the_path_that_takes_it() {
    for (var json : List.of("{\"config\": {}}", "{\"config\": {\"env\": {}}}")) {
      var e = refused(json, "config.env", "K=V");

      assertEquals("it is a JSON object, and \"K=V\" is not", e.why);
      assertEquals("--set config.env.K=V", e.tryNext);
    }
  }

  @Test
  void decimals_keep_their_digits() throws Exception {
    var precise = "{\"a\":1.10,\"b\":0.1234567890123456789,\"c\":100000000000000000000.5}";

    assertEquals(precise, load(precise, Map.of()).toString());
    assertEquals("{\"f\":2.50}", set("{\"f\": 1.5}", "f", "2.50"));
  }

  @Test
  void a_key_given_twice_is_told_with_its_line() {
    var e =
        assertThrows(FlyException.class, () -> load("{\"a\": {\"b\": 1,\n\"b\": 2}}", Map.of()));

    assertEquals(folder.resolve("body.json") + " has b twice in one object", e.what);
    assertEquals("the second is in line 2, and one of them would be lost", e.why);
  }

  @Test
  void a_byte_order_mark_is_no_part_of_the_text_and_other_charsets_are_named() throws Exception {
    var file = folder.resolve("body.json");
    Files.writeString(file, "\ufeff{\"a\": 1}");
    assertEquals("{\"a\":1}", Template.load(file.toString(), null, Map.of()).toString());

    var text = "{\"a\": \"\u00fc\"}";
    for (var charset : List.of("ISO-8859-1", "UTF-16", "UTF-16LE")) {
      Files.write(file, text.getBytes(charset));
      var e =
          assertThrows(FlyException.class, () -> Template.load(file.toString(), null, Map.of()));

      assertEquals(file + " is not UTF-8 text", e.what);
      assertEquals("it looks like " + charset.replace("LE", ""), e.why);
    }
  }

  @Test
  void a_file_that_is_not_there_is_told() {
    var e = assertThrows(FlyException.class, () -> Template.load("none.json", null, Map.of()));

    assertEquals("there is no file none.json", e.what);
    assertEquals(FlyException.USAGE, e.exitCode);
  }
}
