//SOURCES FlyException.java
package fly;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A file {@code .env}: lines {@code NAME=value} or {@code export NAME="value"}; {@code #} begins a
 * comment. A quoted value may go over several lines. Text that is outside of this program has one
 * reader: UTF-8, with or without a byte order mark.
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
    var text = text(file).replace("\r\n", "\n");
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

  /**
   * A text file, whole.
   *
   * @throws FlyException if it cannot be read, or is not UTF-8
   */
  static String text(Path file) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw FlyException.usage(
          "could not read " + file, FlyException.reason(e), "is it there, and may you read it?");
    }
    if (starts(bytes, 0xff, 0xfe) || starts(bytes, 0xfe, 0xff)) throw notUtf8(file, "UTF-16");
    try {
      var text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.startsWith("\ufeff") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw notUtf8(file, "ISO-8859-1");
    }
  }

  private static boolean starts(byte[] bytes, int first, int second) {
    return bytes.length > 1 && (bytes[0] & 0xff) == first && (bytes[1] & 0xff) == second;
  }

  private static FlyException notUtf8(Path file, String charset) {
    return FlyException.usage(
        file + " is not UTF-8 text",
        "it looks like " + charset,
        "iconv -f %s -t UTF-8 %s > %s.utf8".formatted(charset, file, file));
  }

  /** Others than its owner may read it. */
  static boolean open(Path file) {
    try {
      var permissions = Files.getPosixFilePermissions(file);
      return permissions.contains(PosixFilePermission.OTHERS_READ);
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }
}
