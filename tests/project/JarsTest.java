import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The jars that scripts and tests load are those of the checked-in list of SHA-256 sums. */
class JarsTest {
  private static final String LIST = ".jbang/jars.sha256";

  @Test
  void each_jar_has_the_sum_of_the_list() throws Exception {
    var listed = listed();
    var wrong = new ArrayList<String>();
    var checked = 0;

    for (var entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      var jar = Path.of(entry);
      if (!entry.endsWith(".jar") || jar.getFileName().toString().equals("RunTests.jar")) continue;
      checked++;
      var sum = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(jar));
      var line = HexFormat.of().formatHex(sum) + "  " + jar.getFileName();
      if (!line.equals(listed.get(jar.getFileName().toString()))) wrong.add(line);
    }

    assertEquals("", String.join("\n", wrong), "not like this in " + LIST);
    assertFalse(checked < 10, "no class path of jars");
  }

  /** Lines by the name of the jar, as sha256sum writes them. */
  private static Map<String, String> listed() throws Exception {
    return Files.readAllLines(Sh.ROOT.resolve(LIST)).stream()
        .collect(Collectors.toMap(line -> line.replaceAll(".* ", ""), line -> line));
  }
}
