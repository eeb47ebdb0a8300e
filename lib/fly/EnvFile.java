//SOURCES TextFile.java
package fly;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A file {@code .env}: lines {@code NAME=value} or {@code export NAME="value"}; {@code #} begins a
 * comment. A quoted value may have several lines.
 */
final class EnvFile {
  private static final Pattern LINE =
      Pattern.compile(
          "\\G[ \\t]*(?:export[ \\t]+)?(?:(\\w+)[ \\t]*=[ \\t]*"
              + "(\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*'|[^\\n]*))?[^\\n]*(?:\\n|\\z)",
          Pattern.DOTALL);

  private EnvFile() {}

  /** All variables of the file; none if there is no such file. */
  static Map<String, String> read(Path file) {
    var variables = new LinkedHashMap<String, String>();
    if (!Files.isRegularFile(file)) return variables;
    var text = TextFile.read(file).replace("\r\n", "\n");
    var lines = LINE.matcher(text);
    for (int at = 0; at < text.length() && lines.find(at); at = lines.end()) {
      if (lines.group(1) != null) variables.put(lines.group(1), value(lines.group(2)));
    }
    return variables;
  }

  private static String value(String text) {
    if (text.length() > 1 && text.startsWith("\"") && text.endsWith("\"")) {
      return text.substring(1, text.length() - 1).replaceAll("\\\\([\"\\\\$`])", "$1");
    }
    if (text.length() > 1 && text.startsWith("'") && text.endsWith("'")) {
      return text.substring(1, text.length() - 1);
    }
    return text.replaceFirst("(^|\\s+)#.*", "").strip();
  }

  /** True if users other than the file's owner may read it. */
  static boolean open(Path file) {
    try {
      var permissions = Files.getPosixFilePermissions(file);
      return permissions.contains(PosixFilePermission.OTHERS_READ);
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }
}
