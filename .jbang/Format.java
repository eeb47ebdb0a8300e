///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Format the Java sources, and derive their //SOURCES; --check only looks.
//SOURCES Sources.java
//DEPS com.google.googlejavaformat:google-java-format:1.28.0
//RUNTIME_OPTIONS --add-exports=jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED --add-exports=jdk.compiler/com.sun.tools.javac.code=ALL-UNNAMED --add-exports=jdk.compiler/com.sun.tools.javac.file=ALL-UNNAMED --add-exports=jdk.compiler/com.sun.tools.javac.parser=ALL-UNNAMED --add-exports=jdk.compiler/com.sun.tools.javac.tree=ALL-UNNAMED --add-exports=jdk.compiler/com.sun.tools.javac.util=ALL-UNNAMED

import com.google.googlejavaformat.java.Formatter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Formats the sources with google-java-format, all but the JBang header: //DEPS would become //
 * DEPS, which JBang does not see. The header's //SOURCES are derived.
 */
class Format {
  private static final Pattern HEADER = Pattern.compile("\\A(?://[/A-Z].*\\R)*");

  public static void main(String... args) throws Exception {
    var check = List.of(args).contains("--check");
    var root = Path.of(System.getenv().getOrDefault("FLY_ROOT", "."));
    var sources = new Sources(root);
    int wrong = 0;
    for (var folder : List.of(".jbang", "docs", "lib", "scripts", "tests")) {
      for (var file : Sources.javaFiles(root.resolve(folder))) {
        var source = Files.readString(file);
        var formatted = sources.derive(file, format(source));
        if (formatted.equals(source)) continue;
        wrong++;
        System.err.println((check ? "not formatted: " : "formatted: ") + file);
        if (!check) Files.writeString(file, formatted);
      }
    }
    if (check && wrong > 0) System.exit(1);
  }

  private static String format(String source) throws Exception {
    var header = HEADER.matcher(source);
    header.lookingAt();
    var script = header.group().startsWith("///");
    var body = source.substring(header.end()).stripLeading();
    var formatted = new Formatter().formatSourceAndFixImports(body);
    return header.group() + (script ? "\n" : "") + formatted;
  }
}
