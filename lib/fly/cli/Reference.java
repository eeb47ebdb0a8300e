//SOURCES ../Fly.java ../FlyException.java ../Story.java
package fly.cli;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.Story;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The name by which JBang finds our commands here. A script cannot see its own name, because JBang
 * starts it alike from a file, a URL and a catalog. The reader's own catalogs are therefore
 * searched for one that lists the command. The search asks no host: JBang keeps a copy of each
 * catalog that it has used.
 */
public final class Reference {
  private static final String CATALOG = "jbang-catalog.json";

  /**
   * A catalog that lists a command.
   *
   * @param here its name for a command line in this folder, such as {@code @mine}; empty if a bare
   *     alias is enough
   * @param anywhere the same for a command line in any folder
   */
  private record Found(String here, String anywhere) {}

  private Reference() {}

  /** Takes the reference by which the reader has called this, such as fly-name-app@mine. */
  static void calledAs(String reference) {
    System.setProperty("FLY_JBANG", reference.replaceFirst("^[^@]*@?", "@"));
  }

  /** The variable FLY_JBANG; empty if it is not set. */
  static String called() {
    var called = System.getProperty("FLY_JBANG", System.getenv("FLY_JBANG"));
    return called == null ? "" : called;
  }

  /** The one name by which JBang finds the command from this folder; null if none or several. */
  static String here(String alias) {
    var names = new TreeSet<String>();
    for (var found : search(alias)) names.add(found.here);
    return names.size() == 1 ? names.first() : null;
  }

  /**
   * A command line for the file of another program, which starts it later and in any folder. JBang
   * builds the command now: then it starts without asking any host, also if the catalog's is gone.
   *
   * @throws FlyException if no name for the command is known, or if it cannot be built
   */
  public static List<String> lasting(String alias, Story story) {
    var called = called();
    if (called.equals("-")) return List.of(Path.of(root(), "jbang").toString(), alias);
    if (!called.isEmpty() && !called.startsWith("@")) {
      return List.of(Path.of(called).toAbsolutePath().normalize().toString(), alias);
    }
    var reference = alias + (called.isEmpty() ? anywhere(alias) : called.equals("@") ? "" : called);
    var jbang = jbang();
    story.say("Building %s, which the client will start ...", reference);
    build(jbang, reference);
    var windows = System.getProperty("os.name").startsWith("Windows");
    return List.of(windows ? "jbang" : jbang.toString(), "run", "--offline", reference);
  }

  /**
   * The variables that a lasting command needs and a client lacks: the reader's folders of JBang,
   * and the JDK if the PATH has none.
   */
  public static Map<String, String> environment() {
    var needed = new LinkedHashMap<String, String>();
    for (var name : List.of("JBANG_DIR", "JBANG_CACHE_DIR", "JBANG_REPO", "JBANG_JAR")) {
      var value = variable(name);
      if (!value.isEmpty()) needed.put(name, Path.of(value).toAbsolutePath().toString());
    }
    var usual = Path.of(System.getProperty("user.home"), ".jbang").toString();
    if (usual.equals(needed.get("JBANG_DIR"))) needed.remove("JBANG_DIR");
    if (!variable("JAVA_HOME").isEmpty() && find("javac", "javac.exe").isEmpty()) {
      needed.put("JAVA_HOME", variable("JAVA_HOME"));
    }
    return needed;
  }

  private static String root() {
    return System.getenv().getOrDefault("FLY_ROOT", ".");
  }

  private static String anywhere(String alias) {
    var names = new TreeSet<String>();
    for (var found : search(alias)) names.add(found.anywhere);
    if (names.size() == 1) return names.first();
    throw FlyException.usage(
        "no command is known that starts " + alias + " here",
        names.isEmpty()
            ? "no JBang catalog of yours lists it; nothing was written by a guess"
            : "several JBang catalogs list it: " + String.join(" ", names).strip(),
        "the same with --as %s@CATALOG, your name of the catalog".formatted(alias));
  }

  private static Path jbang() {
    return find("jbang", "jbang.cmd")
        .orElseThrow(
            () ->
                FlyException.usage(
                    "there is no jbang on your PATH",
                    "the client starts the command by it",
                    "install JBang: https://www.jbang.dev; or run this by ./jbang of a clone"));
  }

  /** A program of one of these names, on the PATH or among JBang's own. */
  private static Optional<Path> find(String... names) {
    var folders = new ArrayList<>(List.of(variable("PATH").split(File.pathSeparator)));
    folders.add(folder().resolve("bin").toString());
    for (var folder : folders) {
      for (var name : names) {
        var file = Path.of(folder, name).toAbsolutePath();
        if (Files.isRegularFile(file) && Files.isExecutable(file)) return Optional.of(file);
      }
    }
    return Optional.empty();
  }

  private static void build(Path jbang, String reference) {
    try {
      var process =
          new ProcessBuilder(jbang.toString(), "build", reference)
              .redirectErrorStream(true)
              .redirectInput(ProcessBuilder.Redirect.PIPE)
              .start();
      process.getOutputStream().close();
      var told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() == 0) return;
      throw new FlyException(
          "jbang cannot build " + reference + ", so nothing was written",
          told.strip().lines().filter(line -> !line.contains("--verbose")).reduce("", (a, b) -> b),
          "jbang build " + reference);
    } catch (IOException e) {
      throw new FlyException("jbang cannot be started", e.toString(), jbang + " version");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FlyException("interrupted while jbang built " + reference, "", "");
    }
  }

  /** The catalogs that list the command, as JBang would find them. */
  private static List<Found> search(String alias) {
    var found = new ArrayList<Found>();
    var own = folder().resolve(CATALOG);
    for (var file : files()) {
      var everywhere = file.equals(own) || file.getParent().equals(folder());
      var catalog = read(file);
      if (catalog.path("aliases").has(alias)) {
        found.add(new Found("", everywhere ? "" : "@" + file));
      }
      for (var entry : catalog.path("catalogs").properties()) {
        var reference = entry.getValue().path("catalog-ref").asText();
        var copy = copy(file, reference);
        if (copy == null || !read(copy).path("aliases").has(alias)) continue;
        var name = entry.getValue().path("import").asBoolean() ? "" : "@" + entry.getKey();
        var address = reference.contains("://") ? reference : copy.toString();
        found.add(new Found(name, everywhere ? name : "@" + address));
      }
    }
    return found;
  }

  /** Catalogs of this folder and those above it, then the reader's own. */
  private static Set<Path> files() {
    var files = new LinkedHashSet<Path>();
    for (var at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      files.add(at.resolve(CATALOG));
      files.add(at.resolve(".jbang").resolve(CATALOG));
    }
    files.add(folder().resolve(CATALOG));
    files.add(folder().resolve("implicit-catalog.json"));
    files.removeIf(file -> !Files.isRegularFile(file));
    return files;
  }

  /** The file that a catalog's reference means, or JBang's copy of it; null if there is none. */
  private static Path copy(Path from, String reference) {
    if (!reference.contains("://")) return from.resolveSibling(reference).normalize();
    try {
      var sum =
          MessageDigest.getInstance("SHA-256").digest(reference.getBytes(StandardCharsets.UTF_8));
      var cache = variable("JBANG_CACHE_DIR");
      var urls = (cache.isEmpty() ? folder().resolve("cache") : Path.of(cache)).resolve("urls");
      try (var copies = Files.list(urls.resolve(HexFormat.of().formatHex(sum)))) {
        return copies.findFirst().orElse(null);
      }
    } catch (IOException | NoSuchAlgorithmException e) {
      return null;
    }
  }

  private static JsonNode read(Path file) {
    try {
      return Fly.JSON.readTree(Files.readString(file));
    } catch (IOException e) {
      return Fly.JSON.createObjectNode();
    }
  }

  /** JBang's own folder. */
  private static Path folder() {
    var folder = variable("JBANG_DIR");
    return folder.isEmpty()
        ? Path.of(System.getProperty("user.home"), ".jbang")
        : Path.of(folder).toAbsolutePath();
  }

  private static String variable(String name) {
    return System.getProperty(name, System.getenv().getOrDefault(name, ""));
  }
}
