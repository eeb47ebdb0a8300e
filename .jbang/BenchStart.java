import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Start-up times of the commands as whole processes: {@code bench start [--runs N] [--json] [--html
 * FILE]}. One round runs every way once, so that all of them meet the same load; medians and their
 * ratios to the plain launcher are shown. It fails if a mark is missed.
 */
final class BenchStart {
  private static final Path ROOT =
      Path.of(System.getenv().getOrDefault("FLY_ROOT", ".")).toAbsolutePath();
  private static final String MACHINES =
      "[{\"id\":\"148e123\",\"name\":\"x\",\"state\":\"started\",\"region\":\"iad\",\"config\":{}}]";

  /** A command, the words after it, and the largest ratio to the plain launcher that is allowed. */
  private record Work(String alias, List<String> arguments, double mark) {
    String title() {
      return (alias + " " + String.join(" ", arguments)).strip();
    }
  }

  private record Row(String work, String way, double median, double ratio, double mark) {
    boolean missed() {
      return mark > 0 && ratio > mark;
    }
  }

  private BenchStart() {}

  static void main(String... args) throws Exception {
    var arguments = List.of(args);
    var runs = Integer.parseInt(after(arguments, "--runs", "7"));
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
      var rows = measure(runs, "http://127.0.0.1:" + server.getAddress().getPort());
      var html = after(arguments, "--html", "");
      if (!html.isEmpty()) Files.writeString(Path.of(html), html(rows));
      if (arguments.contains("--json")) rows.forEach(row -> System.out.println(json(row)));
      else print(rows);
      if (rows.stream().anyMatch(Row::missed)) System.exit(1);
    } finally {
      server.stop(0);
    }
  }

  private static List<Row> measure(int runs, String url) throws Exception {
    var call = Runtime.version().feature() >= 25 ? 0.25 : 0.30;
    var works =
        List.of(
            new Work("fly-name-app", List.of(), 0.11),
            new Work("fly-create-app", List.of("--help"), 0.11),
            new Work("fly-create-app", List.of("-n"), 0.11),
            new Work("fly-list-machines", List.of(), call));
    var rows = new ArrayList<Row>();
    for (var work : works) {
      var ways = ways(work, url);
      var times = new LinkedHashMap<String, List<Double>>();
      for (int run = -1; run < runs; run++) { // the first one warms
        for (var way : ways.entrySet()) {
          var time = time(way.getValue(), url);
          if (run >= 0) times.computeIfAbsent(way.getKey(), key -> new ArrayList<>()).add(time);
        }
      }
      var plain = median(times.get("plain jbang"));
      times.forEach(
          (way, all) ->
              rows.add(
                  new Row(
                      work.title(),
                      way,
                      median(all),
                      median(all) / plain,
                      way.equals("./jbang") ? work.mark() : 0)));
    }
    return rows;
  }

  private static Map<String, List<String>> ways(Work work, String url) {
    var words = String.join(" ", work.arguments());
    var wrapper = ROOT.resolve("jbang");
    var jar =
        System.getenv()
            .getOrDefault(
                "JBANG_JAR",
                System.getenv("JBANG_DIR")
                    + "/wrapper/jbang-cli-%s-all.jar"
                        .formatted(System.getenv("FLY_JBANG_VERSION")));
    var java = Path.of(System.getProperty("java.home"), "bin", "java");
    var ways = new LinkedHashMap<String, List<String>>();
    ways.put("./jbang", List.of("sh", wrapper.toString(), work.alias()));
    ways.put(
        "./jbang, no archive",
        List.of(
            "sh", "-c", "FLY_ARCHIVE=off exec '%s' %s %s".formatted(wrapper, work.alias(), words)));
    ways.put(
        "plain jbang",
        List.of(
            "bash",
            "-c",
            "out=$(JBANG_RUNTIME_SHELL=bash '%s' -jar '%s' run %s@%s %s </dev/null); eval \"exec $out\""
                .formatted(java, jar, work.alias(), ROOT.resolve("jbang-catalog.json"), words)));
    if (work.alias().startsWith("fly-list")) {
      ways.put(
          "curl",
          List.of("curl", "-s", "-H", "Authorization: Bearer x", url + "/v1/apps/demo/machines"));
    }
    var first = new ArrayList<>(ways.get("./jbang"));
    first.addAll(work.arguments());
    ways.put("./jbang", first);
    return ways;
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

  private static double median(List<Double> times) {
    var sorted = times.stream().sorted().toList();
    return sorted.get(sorted.size() / 2);
  }

  private static void print(List<Row> rows) {
    System.out.printf("%-28s %-22s %9s  %s%n", "COMMAND", "WAY", "MEDIAN", "OF PLAIN JBANG");
    for (var row : rows) {
      var mark =
          row.mark() == 0
              ? ""
              : "  (mark %.2f%s)".formatted(row.mark(), row.missed() ? ", MISSED" : "");
      System.out.printf(
          "%-28s %-22s %6.0f ms  %.2f%s%n", row.work(), row.way(), row.median(), row.ratio(), mark);
    }
  }

  private static String json(Row row) {
    return "{\"command\":\"%s\",\"way\":\"%s\",\"median_ms\":%.1f,\"ratio\":%.3f,\"mark\":%.2f,\"missed\":%b}"
        .formatted(row.work(), row.way(), row.median(), row.ratio(), row.mark(), row.missed());
  }

  private static String html(List<Row> rows) {
    var longest = rows.stream().mapToDouble(Row::median).max().orElse(1);
    var page = new StringBuilder("<!doctype html><meta charset=utf-8><title>Start-up</title>");
    page.append(
        "<style>body{font:14px sans-serif;margin:2em}td{padding:2px"
            + " 8px}i{display:inline-block;height:12px;background:#69c}</style><table>");
    for (var row : rows) {
      page.append(
          "<tr><td>%s<td>%s<td><i style=width:%.0fpx></i> %.0f ms<td>%.2f"
              .formatted(
                  row.work(), row.way(), 400 * row.median() / longest, row.median(), row.ratio()));
    }
    return page.append("</table>\n").toString();
  }

  private static String after(List<String> arguments, String option, String otherwise) {
    var at = arguments.indexOf(option);
    return at < 0 || at + 1 == arguments.size() ? otherwise : arguments.get(at + 1);
  }
}
