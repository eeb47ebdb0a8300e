///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Build the library as a jar in Maven's layout, and a catalog whose commands are one jar: dist [FOLDER].
//DEPS com.fasterxml.jackson.core:jackson-databind:2.23.0

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Builds two things for people without a clone: the library, which JShell, JBang scripts and Java
 * programs take as a dependency; and a catalog for JBang, whose commands are compiled into a jar.
 * From a catalog of sources JBang fetches each file of a command by a request of its own.
 */
class Dist {
  /**
   * A placeholder: nobody owns a group for this library yet. Change it here, and nowhere else, when
   * the library is published.
   */
  static final String GROUP = "org.example.fly";

  static final String ARTIFACT = "fly-machines";

  /**
   * The rooms in the library's jar; sandbox, shell and the other tools are in the commands' jar.
   */
  private static final List<String> ROOMS = List.of("fly", "fly/cli", "fly/mcp");

  private final Path root;
  private final Path folder;
  private final String version;

  private Dist(Path root, Path folder) throws IOException {
    this.root = root;
    this.folder = folder;
    var source = Files.readString(root.resolve("lib/fly/cli/Version.java"));
    version = source.replaceFirst("(?s).* OURS = \"([^\"]+)\".*", "$1");
  }

  public static void main(String... args) throws Exception {
    var root = Path.of(System.getenv().getOrDefault("FLY_ROOT", ".")).toAbsolutePath();
    var folder = args.length == 0 ? root.resolve("dist") : Path.of(args[0]).toAbsolutePath();
    new Dist(root, folder.normalize()).build();
  }

  private void build() throws Exception {
    var catalog = (ObjectNode) JSON.readTree(root.resolve("jbang-catalog.json").toFile());
    var scripts = new LinkedHashMap<String, Script>();
    for (var alias : catalog.path("aliases").properties()) {
      var file = root.resolve(alias.getValue().path("script-ref").asText());
      scripts.put(alias.getKey(), Script.read(file));
    }
    var classPath = classPath(scripts);
    var work = Files.createTempDirectory("dist");
    try {
      library(work, classPath);
      commands(work, classPath, scripts, catalog);
    } finally {
      delete(work);
    }
    System.err.println("Commands without a clone, once this folder has an address:");
    System.err.println("  jbang catalog add --name fly " + folder.resolve("jbang-catalog.json"));
    System.err.println("In a script, or a .jsh file for jbang on JDK 17 to 24:");
    System.out.println("//REPOS central,fly=" + folder.toUri());
    System.out.println("//DEPS " + GROUP + ":" + ARTIFACT + ":" + version);
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  /** A script with all that its header names, and theirs. */
  private record Script(
      Set<Path> sources, Map<String, Path> files, Set<String> dependencies, Set<String> options) {

    static Script read(Path file) throws IOException {
      var script =
          new Script(
              new LinkedHashSet<>(),
              new LinkedHashMap<>(),
              new LinkedHashSet<>(),
              new LinkedHashSet<>());
      script.add(file.normalize());
      return script;
    }

    private void add(Path source) throws IOException {
      if (!sources.add(source)) return;
      var own = new ArrayList<String>();
      for (var line : Files.readAllLines(source)) {
        if (!line.startsWith("//")) continue;
        var words = List.of(line.strip().split("[ ,]+"));
        for (var word : words.subList(1, words.size())) {
          switch (words.get(0)) {
            case "//SOURCES" -> add(source.resolveSibling(word).normalize());
            case "//DEPS" -> dependencies.add(word);
            case "//RUNTIME_OPTIONS" -> own.add(word);
            case "//FILES" -> {
              var pair = word.split("=", 2);
              files.put(pair[0], source.resolveSibling(pair[pair.length - 1]).normalize());
            }
            default -> {}
          }
        }
      }
      options.removeAll(own); // of two that differ the JVM takes the last: the script's own
      options.addAll(own);
    }
  }

  /** The jars of all dependencies, as JBang resolves them. */
  private String classPath(Map<String, Script> scripts) throws Exception {
    var open = new LinkedHashSet<String>();
    scripts.values().forEach(script -> open.addAll(script.dependencies));
    var jars = new LinkedHashSet<String>();
    var largest = new ArrayList<>(scripts.entrySet());
    largest.sort((a, b) -> b.getValue().dependencies.size() - a.getValue().dependencies.size());
    for (var script : largest) {
      if (!open.removeAll(script.getValue().dependencies)) continue;
      var jbang = root.resolve("jbang").toString();
      var process =
          new ProcessBuilder(jbang, "info", "classpath", "--deps-only", script.getKey())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      var printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) throw new IllegalStateException("jbang info classpath failed");
      jars.addAll(Arrays.asList(printed.strip().split(java.io.File.pathSeparator)));
    }
    return String.join(java.io.File.pathSeparator, jars);
  }

  private void library(Path work, String classPath) throws IOException {
    var target = folder.resolve(GROUP.replace('.', '/')).resolve(ARTIFACT).resolve(version);
    Files.createDirectories(target);
    var name = target.resolve(ARTIFACT + "-" + version);
    var lib = root.resolve("lib");
    var sources = sources(lib);
    var files = sources.stream().map(Path::toString).toList();
    var classes = work.resolve("classes");
    var javadoc = work.resolve("javadoc");
    compile(files, classPath, classes);
    run(
        "javadoc",
        files,
        "-quiet",
        "-Xdoclint:none",
        "-encoding",
        "UTF-8",
        "-cp",
        classPath,
        "-d",
        javadoc);
    jar(classes, name + ".jar");
    jar(javadoc, name + "-javadoc.jar");
    var copies = work.resolve("sources");
    for (var source : sources) copy(source, copies.resolve(lib.relativize(source)));
    jar(copies, name + "-sources.jar");
    Files.writeString(Path.of(name + ".pom"), pom(version, dependencies(sources)));
  }

  /** All scripts with what they need in one jar, and the catalog that names it beside it. */
  private void commands(
      Path work, String classPath, Map<String, Script> scripts, ObjectNode catalog)
      throws IOException {
    var classes = work.resolve("commands");
    var sources = new LinkedHashSet<Path>();
    var files = new LinkedHashMap<String, Path>();
    for (var script : scripts.values()) {
      sources.addAll(script.sources);
      for (var file : script.files.entrySet()) {
        var other = files.put(file.getKey(), file.getValue());
        if (other == null || other.equals(file.getValue())) continue;
        throw new IllegalStateException("two files for " + file.getKey() + " in one jar");
      }
    }
    compile(sources.stream().map(Path::toString).toList(), classPath, classes);
    for (var file : files.entrySet()) copy(file.getValue(), classes.resolve(file.getKey()));
    var jar = ARTIFACT + "-commands-" + version + ".jar";
    jar(classes, folder.resolve(jar).toString());

    for (var alias : catalog.path("aliases").properties()) {
      var script = scripts.get(alias.getKey());
      var entry = (ObjectNode) alias.getValue();
      var main = Path.of(entry.path("script-ref").asText()).getFileName().toString();
      entry.put("script-ref", jar).put("main", main.replace(".java", "")).put("java", "17+");
      script.dependencies.forEach(entry.putArray("dependencies")::add);
      script.options.forEach(entry.putArray("runtime-options")::add);
    }
    for (var template : catalog.path("templates")) {
      for (var file : template.path("file-refs")) template(file.asText());
      if (template.at("/properties/fly") instanceof ObjectNode fly) {
        fly.put("description", "the URL of this catalog's folder");
        fly.put("default", folder.toUri().toString());
      }
    }
    Files.writeString(folder.resolve("jbang-catalog.json"), catalog.toPrettyString() + "\n");
  }

  /** A template takes the library as a dependency, as this folder holds no sources. */
  private void template(String file) throws IOException {
    var to = folder.resolve(file);
    Files.createDirectories(to.getParent());
    Files.writeString(
        to,
        Files.readString(root.resolve(file))
            .replaceFirst(
                "(?m)^//SOURCES .*$",
                "//REPOS central,fly={fly}\n//DEPS %s:%s:%s".formatted(GROUP, ARTIFACT, version)));
  }

  private static void compile(List<String> files, String classPath, Path classes) {
    run(
        "javac",
        files,
        "--release",
        "17",
        "-XDstringConcat=inline",
        "-encoding",
        "UTF-8",
        "-cp",
        classPath,
        "-d",
        classes);
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to.getParent());
    Files.write(to, Files.readAllBytes(from));
  }

  private static List<Path> sources(Path lib) throws IOException {
    try (Stream<Path> all = Files.walk(lib)) {
      return all.filter(file -> file.toString().endsWith(".java"))
          .filter(file -> inJar(lib.relativize(file).getParent().toString().replace('\\', '/')))
          .sorted()
          .toList();
    }
  }

  private static boolean inJar(String room) {
    return ROOMS.contains(room) || room.startsWith("fly/mcp/");
  }

  /** The //DEPS of the sources: group:artifact:version. */
  private static List<String> dependencies(List<Path> sources) throws IOException {
    var found = new ArrayList<String>();
    for (var source : sources) {
      Files.readString(source)
          .lines()
          .filter(line -> line.startsWith("//DEPS "))
          .forEach(line -> found.add(line.substring("//DEPS ".length()).strip()));
    }
    return found;
  }

  private static String pom(String version, List<String> dependencies) {
    var listed =
        dependencies.stream()
            .map(coordinates -> coordinates.split(":"))
            .map(
                part ->
                    """
                        <dependency>
                          <groupId>%s</groupId>
                          <artifactId>%s</artifactId>
                          <version>%s</version>
                        </dependency>
                    """
                        .formatted(part[0], part[1], part[2]))
            .collect(Collectors.joining());
    return """
    <?xml version="1.0" encoding="UTF-8"?>
    <project xmlns="http://maven.apache.org/POM/4.0.0">
      <modelVersion>4.0.0</modelVersion>
      <groupId>%s</groupId>
      <artifactId>%s</artifactId>
      <version>%s</version>
      <name>Fly.io Machines from Java</name>
      <licenses>
        <license>
          <name>Apache-2.0</name>
          <url>https://www.apache.org/licenses/LICENSE-2.0.txt</url>
        </license>
      </licenses>
      <dependencies>
    %s  </dependencies>
    </project>
    """
        .formatted(GROUP, ARTIFACT, version, listed);
  }

  private static void jar(Path folder, String file) {
    run("jar", List.of(), "--create", "--file", file, "-C", folder, ".");
  }

  private static void run(String tool, List<String> files, Object... options) {
    var all = new ArrayList<String>();
    for (var option : options) all.add(option.toString());
    all.addAll(files);
    var err = new PrintWriter(System.err, true);
    var code =
        ToolProvider.findFirst(tool)
            .orElseThrow()
            .run(new PrintWriter(System.err, true), err, all.toArray(String[]::new));
    if (code != 0) throw new IllegalStateException(tool + " failed");
  }

  private static void delete(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      all.sorted((a, b) -> b.compareTo(a)).forEach(file -> file.toFile().delete());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
