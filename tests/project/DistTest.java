import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import fly.Fly;
import fly.cli.Version;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * Things that people without a clone get: the library as a jar, the commands from a catalog at an
 * address of its own; and a release, as far as it is dry.
 */
@Tag("slow")
class DistTest {
  @RegisterExtension static final FakeFly fly = new FakeFly();

  private static final String JBANG = Sh.ROOT.resolve("jbang").toAbsolutePath().toString();

  @TempDir private static Path dist;
  private static Sh.Result built;
  private static HttpServer server;
  private static final List<String> requests = new CopyOnWriteArrayList<>();

  @TempDir Path home;

  @BeforeAll
  static void build() throws IOException {
    built = new Sh().run(JBANG, "dist", dist.toString());
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", DistTest::serve);
    server.start();
  }

  @AfterAll
  static void stop() {
    server.stop(0);
  }

  /** A JBang that knows the catalog by the name mine, and whose requests to other hosts fail. */
  @BeforeEach
  void jbang() throws IOException {
    assertEquals(0, built.exit(), built.err());
    home = home.toRealPath();
    requests.clear();
    var catalog = "http://127.0.0.1:%d/jbang-catalog.json".formatted(server.getAddress().getPort());
    Files.createDirectories(home.resolve(".jbang"));
    Files.writeString(
        home.resolve(".jbang/jbang-catalog.json"),
        "{\"catalogs\": {\"mine\": {\"catalog-ref\": \"" + catalog + "\"}}}");
    var java = Path.of(System.getProperty("java.home"), "bin", "java");
    FakeJBang.in(
        home.resolve("bin"),
        """
        out=$(JBANG_RUNTIME_SHELL=bash JBANG_STDIN_NOTTY=true %s -XX:TieredStopAtLevel=1 \\
          -Duser.home="$HOME" -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=9 -jar '%s' "$@" </dev/null)
        code=$?
        [ $code -ne 255 ] || eval "exec $out"
        echo "$out"
        exit $code
        """
            .formatted(java, Wrapper.realJar()));
  }

  private Sh shell() {
    var environment = System.getenv();
    var repository = Path.of(environment.getOrDefault("HOME", "/"), ".m2/repository").toString();
    return new Sh()
        .in(home)
        .with("HOME", home)
        .with("PATH", home.resolve("bin") + ":" + environment.get("PATH"))
        .with("JAVA_HOME", System.getProperty("java.home"))
        .with("JBANG_REPO", environment.getOrDefault("JBANG_REPO", repository))
        .with("JBANG_DIR", null)
        .with("FLY_JBANG", null)
        .with("FLY_ROOT", null);
  }

  @Test
  void a_script_and_a_jsh_file_take_the_library_from_the_jar() throws Exception {
    fly.stubFor(
        get("/v1/apps/demo/machines")
            .willReturn(okJson("[{\"id\":\"m1\",\"state\":\"started\"}]")));
    var version = Version.OURS;
    var made = dist.resolve("org/example/fly/fly-machines/" + version);
    for (var end : new String[] {".jar", ".pom", "-sources.jar", "-javadoc.jar"}) {
      assertTrue(Files.size(made.resolve("fly-machines-" + version + end)) > 500, end);
    }
    var body =
        """
        var fly = Fly.connect();
        fly.machines("demo").forEach(m -> System.out.println(m.id() + " " + m.state()));
        """;
    var script = "class Mine { public static void main(String... args) {\n" + body + "}}\n";
    Files.writeString(home.resolve("Mine.java"), built.out() + "import fly.Fly;\n" + script);
    Files.writeString(home.resolve("mine.jsh"), built.out() + "import fly.Fly;\n" + body);
    assertEquals("m1 started\n", run("Mine.java"));
    if (Runtime.version().feature() < 25) assertEquals("m1 started\n", run("mine.jsh"));
  }

  @Test
  void a_template_of_the_catalog_makes_a_script_that_runs_without_a_clone() throws Exception {
    fly.stubFor(get("/v1/apps/demo/machines").willReturn(okJson("[]")));
    var template = "fly-script@" + dist.resolve("jbang-catalog.json");

    var init = new Sh().in(home).run(JBANG, "init", "-t", template, "MyStep.java");

    assertEquals(0, init.exit(), init.err());
    assertTrue(run("MyStep.java", "--app", "demo").contains("0 Machine(s) looked at."));
  }

  private String run(String... command) {
    var words = new ArrayList<String>(List.of(JBANG));
    words.addAll(List.of(command));
    var result =
        new Sh()
            .in(home)
            .with("FLY_API_HOSTNAME", System.getProperty("FLY_API_HOSTNAME"))
            .with("FLY_API_TOKEN", FakeFly.TOKEN)
            .run(words.toArray(String[]::new));
    assertEquals(0, result.exit(), result.err());
    return result.out() + (result.out().isEmpty() ? result.err() : "");
  }

  @Test
  void the_quickstart_from_the_catalog_takes_two_requests_to_its_host() {
    var result = shell().run(home.resolve("bin/jbang").toString(), "fly-quickstart@mine", "-q");

    assertEquals(0, result.exit(), result.err());
    assertEquals(3, result.out().lines().count(), result.out());
    assertEquals(
        List.of("/jbang-catalog.json", "/fly-machines-commands-" + Version.OURS + ".jar"),
        requests);
  }

  @Test
  void a_command_from_the_catalog_names_it_in_its_hints_and_has_its_request_body() {
    var help =
        shell().run(home.resolve("bin/jbang").toString(), "fly-create-machine@mine", "--help");
    var body =
        shell()
            .run(
                home.resolve("bin/jbang").toString(),
                "fly-create-machine@mine",
                "--print-template");

    assertTrue(help.out().startsWith("Example:\n  jbang fly-create-machine@mine "), help.err());
    assertTrue(body.out().contains("\"image\": \"flyio/mcp:latest\""), body.err());
  }

  @Test
  void a_clients_entry_starts_when_the_catalogs_host_is_gone_and_its_copy_is_old()
      throws Exception {
    try (var mcp = new FakeMcp()) {
      var written =
          shell()
              .run(
                  home.resolve("bin/jbang").toString(),
                  "fly-mcp-config@mine",
                  "--client",
                  "cursor",
                  "--url",
                  mcp.url());
      assertEquals(0, written.exit(), written.err());
      try (var copies = Files.walk(home.resolve(".jbang/cache"))) {
        var old = FileTime.from(Instant.now().minus(Duration.ofDays(3)));
        for (var copy : copies.toList()) Files.setLastModifiedTime(copy, old);
      }
      requests.clear();

      var entry =
          Fly.JSON
              .readTree(Files.readString(home.resolve(".cursor/mcp.json")))
              .at("/mcpServers/mcp");
      var command = new ArrayList<>(List.of(entry.path("command").asText()));
      entry.path("args").forEach(word -> command.add(word.asText()));
      var started =
          shell()
              .in(dist)
              .with("PATH", "/usr/bin:/bin")
              .input("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}\n")
              .run(command.toArray(String[]::new));

      assertEquals(List.of(), requests);
      assertTrue(started.out().contains("\"id\":7"), started.out() + started.err());
      assertFalse(started.out().contains("\"error\""), started.out());
    }
  }

  private static void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      var path = exchange.getRequestURI().getPath();
      requests.add(path);
      var file = dist.resolve(path.substring(1));
      if (!Files.isRegularFile(file)) {
        exchange.sendResponseHeaders(404, -1);
        return;
      }
      exchange.sendResponseHeaders(200, Files.size(file));
      Files.copy(file, exchange.getResponseBody());
    }
  }

  @Test
  void a_dry_release_says_what_it_would_do_and_changes_nothing() throws Exception {
    var changelog = Files.readString(Sh.ROOT.resolve("CHANGELOG.md"));

    var release = new Sh().run(JBANG, "release", "--dry-run", "9.9.9");

    assertEquals(0, release.exit(), release.err());
    assertTrue(
        release.out().contains("would write CHANGELOG.md\nwould write lib/fly/cli/Version.java\n"));
    assertTrue(release.out().contains("would run git tag -a v9.9.9 -m Release 9.9.9\n"));
    assertEquals(changelog, Files.readString(Sh.ROOT.resolve("CHANGELOG.md")));
    assertEquals(2, new Sh().run(JBANG, "release", "nine").exit());
  }
}
