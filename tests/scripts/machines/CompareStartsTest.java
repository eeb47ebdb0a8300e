import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

class CompareStartsTest {
  @RegisterExtension static FleetSandbox sandbox = new FleetSandbox();

  @TempDir Path folder;

  private String template() throws Exception {
    var request = FleetSandbox.request("replaced");
    request.remove("name");
    return Files.writeString(folder.resolve("one.json"), request.toString()).toString();
  }

  @Test
  void without_a_run_it_is_a_wrong_command_line() throws Exception {
    var page = folder.resolve("starts.html");

    var result = Script.run(new CompareStarts(), "--runs", "0", "--html", page.toString());

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: nothing to measure"), result.err());
    assertFalse(Files.exists(page));
  }

  @Test
  void the_four_ways_are_a_table_with_bars_and_nothing_is_left() throws Exception {
    var page = folder.resolve("starts.html");

    var result =
        Script.runOnTerminal(
            new CompareStarts(),
            "--runs",
            "2",
            "--html",
            page.toString(),
            "--template",
            template());

    assertEquals(0, result.exit(), result.err());
    assertEquals(5, result.out().lines().count(), result.out());
    assertTrue(result.out().lines().skip(1).allMatch(line -> line.endsWith("#")), result.out());
    assertEquals(0, sandbox.fly().list("/v1/apps/{app}/machines", sandbox.app()).size());
    var html = Files.readString(page);
    assertTrue(html.contains("<svg"), html);
    assertFalse(html.contains("src="), html);
  }

  @Test
  void with_json_each_way_is_a_line() throws Exception {
    var result = Script.run(new CompareStarts(), "--runs", "1", "--json", "--template", template());

    assertEquals(0, result.exit(), result.err());
    var lines = result.out().lines().toList();
    assertEquals(4, lines.size());
    assertEquals("suspended start", Fly.JSON.readTree(lines.get(0)).path("way").asText());
  }
}
