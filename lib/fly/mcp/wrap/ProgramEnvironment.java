package fly.mcp.wrap;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Environment of a wrapped program: all of the wrap's own, or a list of names. It never holds
 * Fly.io's tokens or the wrap's credentials.
 */
public final class ProgramEnvironment {
  private static final Pattern WITHHELD =
      Pattern.compile("FLY_MCP_\\w*|FLY_\\w*TOKEN\\w*|FLYCTL_\\w*TOKEN\\w*");

  /** Variables that most programs need to run at all. */
  private static final Set<String> BASIC =
      Set.of("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT", "TEMP", "TMP");

  /** Null for all variables. */
  private final Set<String> names;

  private ProgramEnvironment(Set<String> names) {
    this.names = names;
  }

  /** All variables of this process. */
  public static ProgramEnvironment inherited() {
    return new ProgramEnvironment(null);
  }

  /** The basic variables and those of {@code names}. */
  public static ProgramEnvironment only(Collection<String> names) {
    var all = new TreeSet<>(BASIC);
    all.addAll(names);
    return new ProgramEnvironment(all);
  }

  /** True for a variable that no program gets. */
  public static boolean withholds(String name) {
    return WITHHELD.matcher(name).matches();
  }

  /** Removes the variables that the program must not have. */
  void restrict(Map<String, String> environment) {
    environment
        .keySet()
        .removeIf(name -> withholds(name) || names != null && !names.contains(name));
  }

  /**
   * Overwrites the withheld variables in this process's own environment block. Child processes of
   * the same user could read them there: {@code /proc/PID/environ} on Linux. System.getenv keeps
   * its copy.
   *
   * @return false if a value is still readable
   */
  public static boolean hideOwn() {
    if (System.getenv().keySet().stream().noneMatch(ProgramEnvironment::withholds)) return true;
    var self = Path.of("/proc/self");
    try {
      var block = Files.readAllBytes(self.resolve("environ"));
      if (block.length == 0) return true;
      var at = environmentAddress(Files.readString(self.resolve("stat")));
      try (var memory = new RandomAccessFile(self.resolve("mem").toFile(), "rw")) {
        for (int start = 0, end; start < block.length; start = end + 1) {
          end = start;
          while (end < block.length && block[end] != 0) end++;
          var entry = new String(block, start, end - start, StandardCharsets.ISO_8859_1);
          var value = entry.indexOf('=') + 1;
          if (value == 0 || !withholds(entry.substring(0, value - 1))) continue;
          memory.seek(at + start + value);
          memory.write(new byte[end - start - value]);
        }
      }
      return isHidden(Files.readAllBytes(self.resolve("environ")));
    } catch (IOException | RuntimeException e) {
      return !Files.isReadable(self.resolve("environ"));
    }
  }

  private static boolean isHidden(byte[] block) {
    for (var entry : new String(block, StandardCharsets.ISO_8859_1).split("\0")) {
      var value = entry.indexOf('=') + 1;
      if (value > 0 && value < entry.length() && withholds(entry.substring(0, value - 1))) {
        return false;
      }
    }
    return true;
  }

  /** Field env_start of proc(5), the 50th; the fields are counted after the command's name. */
  private static long environmentAddress(String stat) {
    return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[47]);
  }
}
