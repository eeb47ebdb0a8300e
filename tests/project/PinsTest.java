import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Code of others that is fetched by name has an exact version, and CI's actions a commit. */
class PinsTest {
  private static final Pattern PACKAGE =
      Pattern.compile("\"(@modelcontextprotocol/[a-z-]+)(@\\d[\\w.-]*)?\"");
  private static final Pattern ACTION = Pattern.compile("uses: *(\\S+)");

  @Test
  void npm_packages_that_we_start_are_pinned() throws Exception {
    var open = new ArrayList<String>();
    var seen = 0;
    for (var file : files("scripts", ".*\\.(json|java)")) {
      var matcher = PACKAGE.matcher(Files.readString(file));
      for (; matcher.find(); seen++) {
        if (matcher.group(2) == null) open.add(file.getFileName() + ": " + matcher.group(1));
      }
    }
    assertEquals(List.of(), open);
    assertTrue(seen >= 3, "found " + seen);
  }

  @Test
  void actions_are_pinned_to_a_commit() throws Exception {
    var open = new ArrayList<String>();
    for (var file : files(".github", ".*\\.ya?ml")) {
      ACTION
          .matcher(Files.readString(file))
          .results()
          .map(action -> action.group(1))
          .filter(action -> !action.matches("[\\w./-]+@[0-9a-f]{40}"))
          .forEach(open::add);
    }
    assertEquals(List.of(), open);
  }

  private static List<Path> files(String folder, String name) throws Exception {
    try (var files = Files.walk(Sh.ROOT.resolve(folder))) {
      return files.filter(file -> file.getFileName().toString().matches(name)).toList();
    }
  }
}
