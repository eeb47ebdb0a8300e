import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Derives the {@code //SOURCES} lines of lib and scripts: each file names the files of the classes
 * that it uses, and JBang follows them from there. {@code //FILES wrap/...} lines, which ship a
 * program with all its sources, are derived from the first of them.
 */
final class Sources {
  private static final int WIDTH = 118;
  private static final Pattern HEADER = Pattern.compile("\\A(?://[/A-Z].*\\R)*");
  private static final Pattern NOT_CODE =
      Pattern.compile("(?s)/\\*.*?\\*/|//[^\\n]*|\"\"\".*?\"\"\"|\"(?:\\\\.|[^\"\\\\\\n])*\"");
  private static final Pattern IMPORT =
      Pattern.compile("(?m)^import (?:static )?(fly(?:\\.[a-z]+)*\\.[A-Z]\\w*)");
  private static final Pattern QUALIFIED = Pattern.compile("\\bfly(?:\\.[a-z]+)*\\.[A-Z]\\w*");

  private final Path root;
  private final Map<Path, Set<Path>> used = new TreeMap<>();

  Sources(Path root) throws IOException {
    this.root = root.toAbsolutePath().normalize();
    for (var folder : List.of("lib", "scripts")) {
      for (var file : javaFiles(this.root.resolve(folder))) used.put(file, new TreeSet<>());
    }
    for (var file : used.keySet()) used.get(file).addAll(usedBy(file));
  }

  static List<Path> javaFiles(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    }
  }

  /** The source with its header as it should be; unchanged outside of lib and scripts. */
  String derive(Path file, String source) {
    file = file.toAbsolutePath().normalize();
    if (!used.containsKey(file)) return source;
    var matcher = HEADER.matcher(source);
    matcher.lookingAt();
    var header = new ArrayList<>(matcher.group().lines().toList());
    var shipped = header.stream().filter(line -> line.startsWith("//FILES wrap/")).findFirst();
    var at = header.stream().filter(line -> !line.startsWith("//SOURCES ")).toList();
    var lines = new ArrayList<String>();
    var folder = file.getParent();
    var script = source.startsWith("///");
    if (!script) lines.addAll(sources(folder, used.get(file)));
    for (var line : at) {
      if (line.startsWith("//FILES wrap/")) continue;
      if (script && line.startsWith("//DESCRIPTION ")) {
        lines.add(line);
        if (at.stream().noneMatch(other -> other.startsWith("//MAIN "))) {
          lines.addAll(sources(folder, used.get(file)));
        }
      } else {
        lines.add(line);
        if (script && line.startsWith("//MAIN ")) {
          lines.addAll(sources(folder, used.get(file)));
        }
      }
    }
    shipped.ifPresent(line -> lines.addAll(wrap(folder, line)));
    return lines.isEmpty()
        ? source.substring(matcher.end())
        : String.join("\n", lines) + "\n" + source.substring(matcher.end());
  }

  private List<String> sources(Path folder, Set<Path> files) {
    var lines = new ArrayList<String>();
    var line = new StringBuilder();
    for (var file : files) {
      var name = folder.relativize(file).toString().replace('\\', '/');
      if (line.length() > 0 && line.length() + name.length() >= WIDTH) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.length() == 0 ? "//SOURCES " : " ").append(name);
    }
    if (line.length() > 0) lines.add(line.toString());
    return lines;
  }

  /** A line for each file that the program of the first line needs, itself the first. */
  private List<String> wrap(Path folder, String first) {
    var program = folder.resolve(first.substring(first.indexOf('=') + 1)).normalize();
    var all = new LinkedHashSet<Path>();
    closure(program, all);
    var lines = new ArrayList<String>();
    for (var file : all) {
      lines.add(
          "//FILES wrap/%s=%s"
              .formatted(slashed(root.relativize(file)), slashed(folder.relativize(file))));
    }
    return lines;
  }

  private void closure(Path file, Set<Path> all) {
    if (!all.add(file)) return;
    for (var next : used.getOrDefault(file, Set.of())) closure(next, all);
  }

  private static String slashed(Path path) {
    return path.toString().replace('\\', '/');
  }

  /** The files of our classes that a file uses: by import, by full name, and of its own package. */
  private Set<Path> usedBy(Path file) throws IOException {
    var found = new TreeSet<Path>();
    var code = NOT_CODE.matcher(Files.readString(file)).replaceAll("\"\"");
    for (var pattern : List.of(IMPORT, QUALIFIED)) {
      pattern
          .matcher(code)
          .results()
          .map(match -> match.group().replaceAll("^import (?:static )?", ""))
          .map(name -> root.resolve("lib/" + name.replace('.', '/') + ".java"))
          .filter(used::containsKey)
          .forEach(found::add);
    }
    for (var other : used.keySet()) {
      var name = other.getFileName().toString().replace(".java", "");
      if (neighbours(file, other)
          && Pattern.compile("(?<![.\\w])" + name + "\\b").matcher(code).find()) {
        found.add(other);
      }
    }
    found.remove(file);
    return found;
  }

  /** Scripts share the unnamed package, wherever they lie. */
  private boolean neighbours(Path file, Path other) {
    var scripts = root.resolve("scripts");
    return file.getParent().equals(other.getParent())
        || file.startsWith(scripts) && other.startsWith(scripts);
  }
}
