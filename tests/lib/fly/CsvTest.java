import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.FlyException;
import fly.fleet.Csv;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables of a fleet's Machines. */
class CsvTest {
  @TempDir Path folder;

  private List<Map<String, String>> read(String text) throws IOException {
    return Csv.read(Files.writeString(folder.resolve("users.csv"), text).toString());
  }

  @Test
  void a_quoted_value_may_hold_commas_lines_and_quotes() throws Exception {
    var rows = read("user,note\r\nann,\"a, \"\"b\"\"\nc\"\n\nbob,\n");

    assertEquals(
        List.of(Map.of("user", "ann", "note", "a, \"b\"\nc"), Map.of("user", "bob", "note", "")),
        rows);
  }

  @Test
  void a_quote_without_an_end_is_refused_because_it_swallows_the_rows_behind_it() {
    var refused =
        assertThrows(FlyException.class, () -> read("user,note\nann,x\nbob,\"y\ncarl,z\n"));

    assertEquals(FlyException.USAGE, refused.exitCode);
    assertTrue(refused.why.contains("row 2"), refused.why);
  }
}
