import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Start-up times of the commands as whole processes: {@code bench start [--runs N]}. One round runs
 * every way once, so that all of them meet the same load; medians and their ratios to the plain
 * launcher are shown. It fails if a mark is missed.
 */
final class BenchStart {
  private static final Path ROOT =
      Path.of(System.getenv().getOrDefault("FLY_ROOT", ".")).toAbsolutePath();
  private static final String MACHINES =
      "[{\"id\":\"148e123\",\"name\":\"x\",\"state\":\"started\",\"region\":\"iad\",\"config\":{}}]";

  /** The mark of a step with one call of the API. */
  static final double CALL = Runtime.version().feature() >= 25 ? 0.15 : 0.18;

  /** A command, the words after it, and the largest ratio to the plain launcher that is allowed. */
  private record Work(String alias, List<String> arguments, double mark) {
    String title() {
      return (alias + " " + String.join(" ", arguments)).strip();
    }
  }

  private BenchStart() {}

  static void run(BenchReport report) throws Exception {
    var runs = Integer.parseInt(report.option("--runs", "7"));
    var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          var body = MACHINES.getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().add("Content-Type", "application/json");
          exchange.sendResponseHeaders(200, body.length);
          try (exchange) {
            exchange.getResponseBody().write(body);
          }
        });
    server.start();
    try {
      measure(report, runs, "http://127.0.0.1:" + server.getAddress().getPort());
    } finally {
      server.stop(0);
    }
  }

  private static void measure(BenchReport report, int runs, String url) throws Exception {
    var works =
        List.of(
            new Work("fly-name-app", List.of(), 0.11),
            new Work("fly-create-app", List.of("--help"), 0.11),
            new Work("fly-create-app", List.of("-n"), 0.11),
            new Work("fly-list-machines", List.of(), CALL));
    for (var work : works) {
      var ways = ways(work, url);
      var times = new LinkedHashMap<String, List<Double>>();
      for (int run = -1; run < runs; run++) { // the first one warms
        for (var way : ways.entrySet()) {
          var time = time(way.getValue(), url);
          if (run >= 0) times.computeIfAbsent(way.getKey(), key -> new ArrayList<>()).add(time);
        }
      }
      times.forEach((way, all) -> report.figure(work.title(), way, BenchReport.median(all), "ms"));
      var ours = BenchReport.median(times.get("./jbang"));
      var plain = BenchReport.median(times.get("plain jbang"));
      report.mark(
          work.title(),
          "./jbang, of plain jbang's",
          ours / plain,
          "",
          BenchReport.Side.AT_MOST,
          work.mark());
    }
  }

  private static Map<String, List<String>> ways(Work work, String url) {
    var words = String.join(" ", work.arguments());
    var wrapper = ROOT.resolve("jbang");
    var ways = new LinkedHashMap<String, List<String>>();
    var first = new ArrayList<>(List.of("sh", wrapper.toString(), work.alias()));
    first.addAll(work.arguments());
    ways.put("./jbang", first);
    ways.put(
        "./jbang, no archive",
        List.of(
            "sh", "-c", "FLY_ARCHIVE=off exec '%s' %s %s".formatted(wrapper, work.alias(), words)));
    ways.put("plain jbang", plain(work.alias(), words));
    if (work.alias().startsWith("fly-list")) {
      ways.put(
          "curl",
          List.of("curl", "-s", "-H", "Authorization: Bearer x", url + "/v1/apps/demo/machines"));
    }
    return ways;
  }

  /** The command of JBang's own launcher, which resolves anew and starts a second JVM. */
  static List<String> plain(String alias, String words) {
    var folder = System.getenv("JBANG_DIR") + "/wrapper";
    var named = "/jbang-cli-%s-all.jar".formatted(System.getenv("FLY_JBANG_VERSION"));
    var jar = System.getenv().getOrDefault("JBANG_JAR", folder + named);
    var java = Path.of(System.getProperty("java.home"), "bin", "java");
    var catalog = ROOT.resolve("jbang-catalog.json");
    var print = "JBANG_RUNTIME_SHELL=bash '%s' -jar '%s' run %s@%s %s </dev/null";
    return List.of(
        "bash",
        "-c",
        ("out=$(" + print + "); eval \"exec $out\"").formatted(java, jar, alias, catalog, words));
  }

  /** In milliseconds, until the process has ended. */
  private static double time(List<String> command, String url)
      throws IOException, InterruptedException {
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder
        .environment()
        .putAll(
            Map.of(
                "FLY_API_HOSTNAME",
                url,
                "FLY_API_TOKEN",
                "x",
                "APP_NAME",
                "demo",
                "ORG",
                "personal"));
    var begin = System.nanoTime();
    var process = builder.start();
    process.getOutputStream().close();
    var output = new String(process.getInputStream().readAllBytes());
    var exit = process.waitFor();
    if (exit != 0) throw new IllegalStateException(command + " ended with " + exit + "\n" + output);
    return (System.nanoTime() - begin) / 1e6;
  }
}
