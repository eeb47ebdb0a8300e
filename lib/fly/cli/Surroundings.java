//SOURCES ../FlyException.java ../Settings.java
package fly.cli;

import fly.FlyException;
import fly.Settings;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Makes a command independent of the locale and the account that its process happens to have. */
final class Surroundings {
  /** The replacement for each byte that the JVM could not decode. */
  private static final char LOST = '\uFFFD';

  private Surroundings() {}

  /** Sets digits and letter case as in API data, and the home folder that {@code HOME} names. */
  static void settle() {
    Locale.setDefault(Locale.ROOT);
    var home = System.getenv("HOME");
    if (home != null && home.startsWith("/")) System.setProperty("user.home", home);
  }

  /**
   * The arguments without loss. In a locale without UTF-8 the JVM damages them; Linux still has
   * their bytes.
   *
   * @throws FlyException if an argument or a setting is damaged and its bytes cannot be had
   */
  static String[] whole(String... args) {
    for (var setting : Settings.values()) {
      var value = System.getenv(setting.name());
      if (value != null && value.indexOf(LOST) >= 0) throw damaged(setting.name());
    }
    if (String.join("", args).indexOf(LOST) < 0) return args;
    var words = commandLine();
    if (words.size() < args.length) throw damaged("an argument");
    return words.subList(words.size() - args.length, words.size()).toArray(String[]::new);
  }

  /** The failure for text, such as a file's name, that the locale cannot express. */
  static FlyException damaged(String text) {
    return FlyException.usage(
        text + " cannot be read or written whole",
        "it is not ASCII, and this locale has no UTF-8 (the JVM uses %s)"
            .formatted(System.getProperty("sun.jnu.encoding")),
        "export LC_ALL=C.UTF-8, then run this again");
  }

  private static List<String> commandLine() {
    var words = new ArrayList<String>();
    try {
      var bytes = Files.readAllBytes(Path.of("/proc/self/cmdline"));
      for (int start = 0, end = 0; end < bytes.length; end++) {
        if (bytes[end] != 0) continue;
        var word = ByteBuffer.wrap(bytes, start, end - start);
        words.add(StandardCharsets.UTF_8.newDecoder().decode(word).toString());
        start = end + 1;
      }
    } catch (CharacterCodingException e) {
      throw damaged("an argument");
    } catch (IOException e) {
      return List.of();
    }
    return words;
  }
}
