import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import fly.Fly;
import fly.mcp.launch.ScriptBundle;
import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * The repository as people use it who have no clone: over HTTP, with a JBang that knows nothing.
 */
@Tag("slow")
class RemoteCatalogTest {
  /** Has most of what the others fetch. */
  private static final String ALL_IN_ONE = "fly-quickstart";

  private static final Path JBANG =
      Path.of(
          System.getenv()
              .getOrDefault(
                  "JBANG_JAR",
                  System.getenv()
                          .getOrDefault("JBANG_DIR", System.getProperty("user.home") + "/.jbang")
                      + "/wrapper/jbang-cli-0.132.1-all.jar"));

  @TempDir private static Path caches;
  private static final Set<String> notThere = new ConcurrentSkipListSet<>();
  private static Set<String> tracked;
  private static ExecutorService twoAtOnce;
  private static HttpServer server;
  private static Sh.Result first;

  @BeforeAll
  static void start() throws IOException {
    if (!Files.exists(JBANG)) return;
    tracked = tracked();
    twoAtOnce = Executors.newFixedThreadPool(2);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", RemoteCatalogTest::serve);
    server.start();
    first = jbang("fly-create-machine", "--help");
  }

  @AfterAll
  static void stop() {
    if (server == null) return;
    server.stop(0);
    twoAtOnce.shutdownNow();
  }

  @BeforeEach
  void there_is_a_registry() {
    assumeTrue(Files.exists(JBANG), "no JBang jar at " + JBANG);
    assumeFalse(
        first.err().contains("Could not transfer artifact"), "no Maven registry can be reached");
  }

  @Test
  void a_script_runs_from_a_remote_catalog_with_empty_caches() {
    assertHelp("fly-create-machine", first);
  }

  @Test
  void its_request_body_comes_along() {
    var result = jbang("fly-create-machine", "-n", "--app", "mcp-demo");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("\"image\": \"flyio/mcp:latest\""), result.out());
  }

  @Test
  void its_hints_guess_no_catalog_and_name_no_wrapper() {
    var result = jbang("fly-name-app");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains(" jbang fly-create-app@CATALOG"), result.err());
    assertFalse(result.err().contains("./jbang"), result.err());
  }

  /**
   * Those with the same libraries compile together; CatalogTest shows that each names all it needs.
   */
  @TestFactory
  List<DynamicTest> every_other_alias_compiles_from_what_JBang_fetches_for_it() throws IOException {
    var aliases = new ArrayList<String>();
    var catalog = Fly.JSON.readTree(Files.readString(Sh.ROOT.resolve("jbang-catalog.json")));
    catalog.path("aliases").fieldNames().forEachRemaining(aliases::add);
    aliases.removeAll(List.of("fly-create-machine", ALL_IN_ONE));
    var all = jbang(ALL_IN_ONE, "--help");

    var tests = new ArrayList<DynamicTest>();
    tests.add(dynamicTest(ALL_IN_ONE, () -> assertHelp(ALL_IN_ONE, all)));
    var lanes = List.of(caches.resolve("cache"), copyOf(caches.resolve("cache")));
    var lane = 0;
    var ends = new ArrayList<CompletableFuture<Sh.Result>>();
    var byLibraries = new LinkedHashMap<List<String>, Map<Path, Path>>();
    for (var alias : aliases) {
      var cache = lanes.get(lane++ % 2);
      var before = lane > 2 ? ends.get(lane - 3) : CompletableFuture.completedFuture(all);
      var fetched = before.thenApplyAsync(last -> fetch(alias, cache), twoAtOnce);
      ends.add(fetched);
      tests.add(dynamicTest(alias, () -> assertFetched(alias, fetched.join(), byLibraries)));
    }
    tests.add(
        dynamicTest(
            "all of them",
            () -> {
              for (var group : byLibraries.entrySet()) {
                assertCompile(group.getValue().values(), group.getKey());
              }
            }));
    return tests;
  }

  /** Two JBangs that fetch the same file into one cache at once disturb each other. */
  private static Path copyOf(Path cache) throws IOException {
    var copy = caches.resolve("cache of the other lane");
    try (var files = Files.walk(cache)) {
      for (var file : (Iterable<Path>) files::iterator) {
        Files.copy(file, copy.resolve(cache.relativize(file).toString()));
      }
    }
    return copy;
  }

  private static Sh.Result fetch(String alias, Path cache) {
    return shell()
        .with("JBANG_CACHE_DIR", cache)
        .run(command(alias, "info", "tools").toArray(String[]::new));
  }

  /** Its sources are those that the clone has; they are kept by the libraries that it names. */
  private static void assertFetched(
      String alias, Sh.Result fetched, Map<List<String>, Map<Path, Path>> byLibraries)
      throws IOException {
    assertEquals(0, fetched.exit(), () -> "not there: " + notThere + "\n" + fetched.err());
    var script = Fly.JSON.readTree(fetched.out());
    var sources = new TreeMap<Path, Path>();
    for (var source : script.path("sources")) {
      sources.put(inTheClone(source), Path.of(source.path("backingResource").asText()));
    }
    for (var file : script.path("files")) {
      var path = Path.of(file.path("backingResource").asText());
      assertTrue(Files.isRegularFile(path), () -> "not there: " + file);
    }
    var main = inTheClone(script);
    assertTrue(sources.containsKey(main), () -> alias + ": " + main);
    var named = new TreeSet<>(ScriptBundle.files(Sh.ROOT.resolve(main)).keySet());
    named.removeIf(file -> !file.toString().endsWith(".java"));
    var root = Sh.ROOT.toAbsolutePath().normalize();
    assertEquals(named.stream().map(root::relativize).toList(), List.copyOf(sources.keySet()));
    var libraries = new ArrayList<String>();
    for (var library : script.path("resolvedDependencies")) libraries.add(library.asText());
    byLibraries.computeIfAbsent(libraries, none -> new TreeMap<>()).putAll(sources);
  }

  private static Path inTheClone(JsonNode resource) {
    var path = URI.create(resource.path("originalResource").asText()).getPath();
    return Path.of(path.substring(1));
  }

  /** In this JVM, with the libraries alone. */
  private static void assertCompile(Collection<Path> sources, List<String> libraries)
      throws IOException {
    var compiler = ToolProvider.getSystemJavaCompiler();
    var told = new StringWriter();
    try (var files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
      var options =
          List.of(
              "-proc:none",
              "-implicit:none",
              "-XDshould-stop.ifNoError=FLOW", // writes no classes
              "-d",
              Files.createTempDirectory(caches, "classes").toString(),
              "-classpath",
              String.join(File.pathSeparator, libraries));
      var units = files.getJavaFileObjectsFromPaths(sources);
      assertTrue(compiler.getTask(told, files, null, options, null, units).call(), told::toString);
    }
  }

  private static void assertHelp(String alias, Sh.Result result) {
    assertEquals(0, result.exit(), () -> "not there: " + notThere + "\n" + result.err());
    var lines = result.out().lines().toList();
    assertEquals("Example:", lines.get(0));
    assertTrue(lines.get(1).startsWith("  jbang " + alias + "@CATALOG"), lines.get(1));
  }

  /** JBang either does the work, or prints a command for us to run and exits with 255. */
  private static Sh.Result jbang(String alias, String... arguments) {
    var command = command(alias, "--verbose", "run");
    command.addAll(List.of(arguments));
    var built = shell().run(command.toArray(String[]::new));
    return built.exit() == 255 ? shell().run("sh", "-c", "exec " + built.out()) : built;
  }

  private static List<String> command(String alias, String... doing) {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var command = new ArrayList<>(List.of(java, "-jar", JBANG.toString()));
    command.addAll(List.of(doing));
    var catalog = "http://localhost:%d/jbang-catalog.json".formatted(server.getAddress().getPort());
    command.add(alias + "@" + catalog);
    return command;
  }

  private static Sh shell() {
    return new Sh()
        .in(caches)
        .with("JAVA_HOME", System.getProperty("java.home"))
        .with("JAVA_TOOL_OPTIONS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1") // javac's too
        .with("JBANG_DIR", caches.resolve("jbang"))
        .with("JBANG_CACHE_DIR", caches.resolve("cache"))
        .with("JBANG_REPO", caches.resolve("repository"))
        .with("JBANG_RUNTIME_SHELL", "bash")
        .with("JBANG_STDIN_NOTTY", "true")
        .with("FLY_JBANG", null)
        .with("FLY_ROOT", null);
  }

  private static void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      var path = exchange.getRequestURI().getPath().substring(1);
      if (!tracked.contains(path)) {
        notThere.add(path);
        exchange.sendResponseHeaders(404, -1);
        return;
      }
      var content = Files.readAllBytes(Sh.ROOT.resolve(path));
      exchange.sendResponseHeaders(200, content.length == 0 ? -1 : content.length);
      exchange.getResponseBody().write(content);
    }
  }

  /** What a clone would hold; without Git, what is there. */
  private static Set<String> tracked() throws IOException {
    if (Files.exists(Sh.ROOT.resolve(".git"))) {
      return Set.copyOf(new Sh().run("git", "ls-files").out().lines().toList());
    }
    try (var files = Files.walk(Sh.ROOT)) {
      return Set.copyOf(
          files
              .filter(Files::isRegularFile)
              .map(file -> Sh.ROOT.relativize(file).toString().replace('\\', '/'))
              .toList());
    }
  }
}
