//SOURCES ../../FlyException.java
package fly.mcp.launch;

import fly.FlyException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A JBang script with the files that it names, so that it can run elsewhere: {@code //SOURCES} and
 * {@code //FILES} (https://www.jbang.dev/documentation/jbang/latest/organizing.html) are followed.
 * JBang fetches the {@code //DEPS} on the machine that runs the script.
 */
public final class ScriptBundle {
  private static final Pattern DIRECTIVE = Pattern.compile("(?m)^//(SOURCES|FILES)[ \\t]+(.*)$");

  /** Reads the file of this path. */
  public interface Reader {
    byte[] read(Path path) throws IOException;
  }

  private final Reader reader;
  private final Map<Path, byte[]> files = new LinkedHashMap<>();

  private ScriptBundle(Reader reader) {
    this.reader = reader;
  }

  /**
   * The script and all that its sources name, the script first.
   *
   * @param reader takes paths that start where {@code script} does
   * @throws FlyException if a file is missing, or its name cannot be known in advance
   */
  public static Map<Path, byte[]> files(Path script, Reader reader) {
    var all = new ScriptBundle(reader);
    all.add(script.normalize(), "it is the script", true);
    return all.files;
  }

  /** Files of a script on this computer, by absolute path; see {@link #files(Path, Reader)}. */
  public static Map<Path, byte[]> files(Path script) {
    return files(script.toAbsolutePath(), Files::readAllBytes);
  }

  private void add(Path file, String named, boolean source) {
    if (files.containsKey(file)) return;
    byte[] content;
    try {
      content = reader.read(file);
    } catch (IOException e) {
      throw FlyException.usage("cannot read " + file, named, "is it there, and may you read it?");
    }
    files.put(file, content);
    if (!source) return;
    var directives = DIRECTIVE.matcher(new String(content, StandardCharsets.UTF_8));
    while (directives.find()) {
      var line = directives.group().strip();
      var sources = directives.group(1).equals("SOURCES");
      for (var word : directives.group(2).strip().split("\\s+")) {
        var name = sources ? word : word.substring(word.indexOf('=') + 1);
        if (name.matches("\\w{2,}:.*")) continue; // JBang fetches it
        if (name.matches(".*[*?{@].*")) throw unknown(file, line);
        add(file.resolveSibling(name).normalize(), file + " names it: " + line, sources);
      }
    }
  }

  private static FlyException unknown(Path file, String line) {
    return FlyException.usage(
        "%s cannot be shipped with this line: %s".formatted(file.getFileName(), line),
        "what it names goes with a script, file by file; patterns and catalogs do not",
        "name each file");
  }
}
