import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Compares the libraries of a command with their checked-in SHA-256 sums, for jbang.cmd: {@code
 * java CheckJars.java jars.sha256 JBANG_JAR FILE}. FILE holds the command as JBang prints it for
 * cmd.exe. On other systems .jbang/resolve.sh does this with sha256sum and .jbang/jars.awk.
 */
class CheckJars {
  public static void main(String... args) throws Exception {
    System.exit(check(Path.of(args[0]), Path.of(args[1]), Path.of(args[2])));
  }

  private static int check(Path list, Path jbang, Path output) throws Exception {
    var sums =
        Files.readAllLines(list).stream()
            .map(line -> line.split("  ", 2))
            .collect(Collectors.toMap(line -> line[1], line -> line[0]));
    var lines = Files.readAllLines(output).stream().filter(line -> !line.isBlank()).toList();
    var command = lines.isEmpty() ? "" : lines.get(lines.size() - 1);
    var classPath = classPath(words(command.replaceAll("\\^(.)", "$1")));
    if (classPath == null) {
      return fail(
          "the libraries of the command were not found",
          "JBang printed no class path: " + output,
          "use ./jbang in a shell (such as Git Bash), which checks them, too");
    }
    for (var entry : classPath.split(File.pathSeparator)) {
      var jar = Path.of(entry).toAbsolutePath().normalize();
      if (!entry.endsWith(".jar") || jar.startsWith(cache()) || jar.equals(normal(jbang))) continue;
      if (Files.exists(jar) && !known(jar, sums)) return 1; // without it Java itself complains
    }
    return 0;
  }

  private static boolean known(Path jar, Map<String, String> sums) throws Exception {
    var name = jar.getFileName().toString();
    var digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(jar));
    var sum = HexFormat.of().formatHex(digest);
    var listed = sums.getOrDefault(name, "not listed");
    if (sum.equals(listed)) return true;
    fail(
        jar + " is not the library that we know",
        "its SHA-256 is %s, and in .jbang/jars.sha256 it is %s".formatted(sum, listed),
        "delete the file and run this again; after a change of //DEPS, write \"%s  %s\" there"
            .formatted(sum, name));
    return false;
  }

  /** Null if there is none. JBang puts the arguments of a long command into a file. */
  private static String classPath(List<String> words) throws IOException {
    for (var i = 1; i < words.size(); i++) {
      if (words.get(i - 1).matches("-classpath|-cp")) return words.get(i);
      if (!words.get(i).startsWith("@")) continue;
      var file = Path.of(words.get(i).substring(1));
      return classPath(words(Files.readString(file).replaceAll("\\\\(.)", "$1")));
    }
    return null;
  }

  /** Words between blanks and line ends; quotes hold a word together. */
  private static List<String> words(String text) {
    var words = new ArrayList<String>();
    var word = new StringBuilder();
    var quoted = false;
    for (var c : (text + "\n").toCharArray()) {
      if (c == '"') quoted = !quoted;
      else if (quoted || c > ' ') word.append(c);
      else if (word.length() > 0) {
        words.add(word.toString());
        word.setLength(0);
      }
    }
    return words;
  }

  /** JBang's cache, whose jars it built itself. */
  private static Path cache() {
    var cache = System.getenv("JBANG_CACHE_DIR");
    return normal(cache == null ? Path.of(System.getenv("JBANG_DIR"), "cache") : Path.of(cache));
  }

  private static Path normal(Path path) {
    return path.toAbsolutePath().normalize();
  }

  private static int fail(String what, String why, String next) {
    System.err.printf("error: %s%n  why: %s%n  try: %s%n", what, why, next);
    return 1;
  }
}
