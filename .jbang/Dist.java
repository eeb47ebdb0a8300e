///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Build the library as a jar with POM, sources and Javadoc, in Maven's layout: dist [FOLDER].
//DEPS com.konghq:unirest-java-core:4.10.1
//DEPS com.fasterxml.jackson.core:jackson-databind:2.22.4
//DEPS info.picocli:picocli:4.7.7

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Builds the jar that JShell, JBang scripts and Java programs take as a dependency. */
class Dist {
  /**
   * A placeholder: nobody owns a group for this library yet. Change it here, and nowhere else, when
   * the library is published.
   */
  static final String GROUP = "org.example.fly";

  static final String ARTIFACT = "fly-machines";

  /** The rooms in the jar; sandbox, shell and the other tools stay scripts. */
  private static final List<String> ROOMS = List.of("fly", "fly/cli", "fly/mcp");

  public static void main(String... args) throws Exception {
    var root = Path.of(System.getenv().getOrDefault("FLY_ROOT", "."));
    var version = version(root);
    var folder = args.length == 0 ? root.resolve("dist") : Path.of(args[0]);
    var target = folder.resolve(GROUP.replace('.', '/')).resolve(ARTIFACT).resolve(version);
    Files.createDirectories(target);
    var sources = sources(root.resolve("lib"));
    var dependencies = dependencies(sources);
    var work = Files.createTempDirectory("dist");
    try {
      build(root.resolve("lib"), sources, work, target.resolve(ARTIFACT + "-" + version));
    } finally {
      delete(work);
    }
    Files.writeString(
        target.resolve(ARTIFACT + "-" + version + ".pom"), pom(version, dependencies));
    System.err.println("In a script, or a .jsh file for jbang on JDK 17 to 24:");
    System.out.println("//REPOS central,fly=" + folder.toAbsolutePath().normalize().toUri());
    System.out.println("//DEPS " + GROUP + ":" + ARTIFACT + ":" + version);
  }

  /** The version, which is stated in Version.java alone. */
  private static String version(Path root) throws IOException {
    var source = Files.readString(root.resolve("lib/fly/cli/Version.java"));
    return source.replaceFirst("(?s).* OURS = \"([^\"]+)\".*", "$1");
  }

  private static void build(Path lib, List<Path> sources, Path work, Path name) throws IOException {
    var files = sources.stream().map(Path::toString).toList();
    var classes = work.resolve("classes");
    var javadoc = work.resolve("javadoc");
    var classPath = System.getProperty("java.class.path");
    run("javac", files, "--release", "17", "-encoding", "UTF-8", "-cp", classPath, "-d", classes);
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
    for (var source : sources) {
      var copy = copies.resolve(lib.relativize(source));
      Files.createDirectories(copy.getParent());
      Files.copy(source, copy);
    }
    jar(copies, name + "-sources.jar");
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
