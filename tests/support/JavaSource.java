import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A source file: its code without comments and strings, its strings, and the files it uses. */
final class JavaSource {
  private static final Pattern NOT_CODE =
      Pattern.compile(
          "(?s)/\\*.*?\\*/|//[^\\n]*|\"\"\".*?\"\"\"|\"(?:\\\\.|[^\"\\\\\\n])*\""
              + "|'(?:\\\\.|[^'\\\\])+'");
  private static final Pattern PACKAGE = Pattern.compile("(?m)^package ([\\w.]+);");
  private static final Pattern FULL_NAME = Pattern.compile("\\bfly(?:\\.[a-z]+)*\\.[A-Z]\\w*");

  /** Path from the root of the repository, with slashes on every system. */
  final String path;

  final String text;
  final String code;
  final List<String> strings = new ArrayList<>();

  private JavaSource(Path file) {
    path = Sh.ROOT.relativize(file).toString().replace('\\', '/');
    try {
      text = Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    code =
        NOT_CODE
            .matcher(text)
            .replaceAll(
                match -> {
                  if (match.group().startsWith("\"")) strings.add(match.group());
                  return match.group().startsWith("/") ? " " : "\"\"";
                });
  }

  /** Sources below these folders, by path. */
  static Map<String, JavaSource> below(String... folders) {
    var sources = new TreeMap<String, JavaSource>();
    for (var folder : folders) {
      try (Stream<Path> files = Files.walk(Sh.ROOT.resolve(folder))) {
        files
            .filter(file -> file.toString().endsWith(".java"))
            .map(JavaSource::new)
            .forEach(source -> sources.put(source.path, source));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return sources;
  }

  String className() {
    return path.replaceAll(".*/|\\.java$", "");
  }

  /** The package; for a source of the unnamed package, its top folder. */
  String room() {
    var named = PACKAGE.matcher(code);
    return named.find() ? named.group(1) : path.replaceAll("/.*", "");
  }

  int lines() {
    return (int) text.lines().count();
  }

  /** Paths of the sources that this source uses: by import, by full name, within its package. */
  TreeSet<String> uses(Map<String, JavaSource> all) {
    var used = new TreeSet<String>();
    FULL_NAME
        .matcher(code)
        .results()
        .map(match -> "lib/" + match.group().replace('.', '/') + ".java")
        .filter(all::containsKey)
        .forEach(used::add);
    for (var other : all.values()) {
      if (other.room().equals(room()) && names(other.className())) used.add(other.path);
    }
    used.remove(path);
    return used;
  }

  /** True if the code names this class by its simple name. */
  boolean names(String className) {
    return Pattern.compile("(?<![.\\w])" + className + "\\b").matcher(code).find();
  }
}
