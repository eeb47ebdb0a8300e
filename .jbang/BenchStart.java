import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * Start-up times of the commands as whole processes: {@code bench start [commands|tls|six|first]
 * [--runs N]}. One round runs every way once, so that all of them meet the same load; medians and
 * their ratios to the plain launcher are shown. It fails if a mark is missed.
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

  private static final Work LIST = new Work("fly-list-machines", List.of(), CALL);
  private static final String JAVA_HOME = System.getProperty("java.home");
  private static final String PASSWORD = "changeit";

  private BenchStart() {}

  static void run(BenchReport report) throws Exception {
    var runs = Integer.parseInt(report.option("--runs", "7"));
    // Else the body of an answer over TLS waits 40 ms for the client's acknowledgment of its head.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    var folder = Files.createTempDirectory("bench-start");
    var tls = tls(folder);
    try {
      for (var one : List.of(server, tls)) {
        one.createContext("/", BenchStart::answer);
        one.start();
      }
      var plain = environment("http://127.0.0.1:" + server.getAddress().getPort());
      var works =
          List.of(
              new Work("fly-name-app", List.of(), 0.11),
              new Work("fly-create-app", List.of("--help"), 0.11),
              new Work("fly-create-app", List.of("-n"), 0.11),
              LIST);
      if (report.runs("commands")) for (var work : works) measure(report, runs, work, "", plain);
      if (report.runs("tls")) {
        var environment = environment("https://127.0.0.1:" + tls.getAddress().getPort());
        environment.put("SSL_CERT_FILE", folder.resolve("server.pem").toString());
        var mark = Runtime.version().feature() >= 25 ? 0.25 : 0.30;
        var work = new Work(LIST.alias, LIST.arguments, mark);
        measure(report, runs, work, ", over TLS", environment);
      }
      if (report.runs("six")) six(report, runs, plain);
      if (report.runs("first")) first(report, Math.min(runs, 3), folder);
    } finally {
      server.stop(0);
      tls.stop(0);
      delete(folder);
    }
  }

  private static void answer(HttpExchange exchange) throws IOException {
    var body = MACHINES.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().add("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, body.length);
    try (exchange) {
      exchange.getResponseBody().write(body);
    }
  }

  /** A server with a certificate of its own, which is in server.pem. */
  private static HttpsServer tls(Path folder) throws Exception {
    var keys = folder.resolve("keys.p12");
    var pem = folder.resolve("server.pem");
    keytool(keys, "-genkeypair -keyalg EC -alias server -dname CN=x -ext san=ip:127.0.0.1");
    keytool(keys, "-exportcert -rfc -alias server -file " + pem);
    var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(
        KeyStore.getInstance(keys.toFile(), PASSWORD.toCharArray()), PASSWORD.toCharArray());
    var context = SSLContext.getInstance("TLS");
    context.init(factory.getKeyManagers(), null, null);
    var server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(context));
    return server;
  }

  private static void keytool(Path keys, String options) throws Exception {
    var command = new ArrayList<>(List.of(Path.of(JAVA_HOME, "bin", "keytool").toString()));
    command.addAll(List.of(options.split(" ")));
    command.addAll(List.of("-keystore", keys.toString(), "-storepass", PASSWORD));
    time(command, Map.of());
  }

  private static void measure(
      BenchReport report, int runs, Work work, String how, Map<String, String> environment)
      throws Exception {
    var title = work.title() + how;
    var times = interleaved(runs, ways(work, environment), 1, environment);
    times.forEach((way, all) -> report.figure(title, way, BenchReport.median(all), "ms"));
    var ours = BenchReport.median(times.get("./jbang"));
    var plain = BenchReport.median(times.get("plain jbang"));
    var way = "./jbang, of plain jbang's";
    report.mark(title, way, ours / plain, "", BenchReport.Side.AT_MOST, work.mark());
  }

  /** Time that ./jbang adds to the JVM that it starts, one at a time and six at once. */
  private static void six(BenchReport report, int runs, Map<String, String> environment)
      throws Exception {
    var words = ROOT.resolve("jbang").toString();
    var record = "$JBANG_DIR/wrapper/commands" + ROOT.toRealPath() + "/" + LIST.alias;
    var java =
        ". \"%s${JAVA_HOME:-$(command -v javac)}/record\"; eval \"exec $archived\""
            .formatted(record);
    var ways = new LinkedHashMap<String, List<String>>();
    ways.put("./jbang", List.of("sh", words, LIST.alias));
    ways.put("java alone", List.of("sh", "-c", java));
    for (var count : List.of(1, 6)) {
      var title = LIST.title() + (count == 1 ? ", what ./jbang adds" : ", six at once");
      var times = interleaved(runs, ways, count, environment);
      times.forEach((way, all) -> report.figure(title, way, BenchReport.median(all), "ms"));
      var ours = BenchReport.median(times.get("./jbang"));
      var alone = BenchReport.median(times.get("java alone"));
      if (count == 1) {
        report.mark(title, "difference", ours - alone, "ms", BenchReport.Side.AT_MOST, 30);
      } else {
        var way = "./jbang, of java's";
        report.mark(title, way, ours / alone, "", BenchReport.Side.AT_MOST, 1.2);
      }
    }
  }

  /**
   * A first run, in which all is compiled: JBang's folder is empty but for its own jar. The
   * libraries are in Maven's repository, as the network would hide the rest.
   */
  private static void first(BenchReport report, int runs, Path folder) throws Exception {
    var title = "fly-create-app, first run";
    var hello = new StringBuilder("//DEPS");
    for (var source : List.of("Fly.java", "FlyException.java", "cli/Cli.java", "cli/Jq.java")) {
      Files.readString(ROOT.resolve("lib/fly/" + source))
          .lines()
          .filter(line -> line.startsWith("//DEPS "))
          .forEach(line -> hello.append(line.substring(6)));
    }
    hello.append("\nclass Hello { public static void main(String[] args) {} }\n");
    Files.writeString(folder.resolve("Hello.java"), hello);
    var ways = new LinkedHashMap<String, List<String>>();
    ways.put(
        "./jbang", List.of("sh", ROOT.resolve("jbang").toString(), "fly-create-app", "--help"));
    ways.put("JBang, hello world", plain(folder.resolve("Hello.java").toString()));
    var times = new LinkedHashMap<String, List<Double>>();
    for (int run = 0; run < runs; run++) {
      for (var way : ways.entrySet()) {
        var empty = Files.createTempDirectory(folder, "jbang");
        var environment =
            Map.of("JBANG_DIR", empty.toString(), "JBANG_JAR", jar(), "FLY_ARCHIVE", "off");
        var time = time(way.getValue(), environment);
        times.computeIfAbsent(way.getKey(), key -> new ArrayList<>()).add(time);
      }
    }
    times.forEach((way, all) -> report.figure(title, way, BenchReport.median(all), "ms"));
    var ours = BenchReport.median(times.get("./jbang"));
    var theirs = BenchReport.median(times.get("JBang, hello world"));
    var way = "./jbang, of hello world's";
    report.mark(title, way, ours / theirs, "", BenchReport.Side.AT_MOST, 1.5);
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) Files.deleteIfExists(file);
    }
  }

  /** The times of each way, of which each run takes all in turn; the first run only warms. */
  private static Map<String, List<Double>> interleaved(
      int runs, Map<String, List<String>> ways, int atOnce, Map<String, String> environment)
      throws Exception {
    var times = new LinkedHashMap<String, List<Double>>();
    for (int run = -1; run < runs; run++) {
      for (var way : ways.entrySet()) {
        var begin = System.nanoTime();
        var started = new ArrayList<Started>();
        for (int i = 0; i < atOnce; i++) started.add(start(way.getValue(), environment));
        for (var one : started) one.end();
        var time = (System.nanoTime() - begin) / 1e6;
        if (run >= 0) times.computeIfAbsent(way.getKey(), key -> new ArrayList<>()).add(time);
      }
    }
    return times;
  }

  private static Map<String, List<String>> ways(Work work, Map<String, String> environment) {
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
      var url = environment.get("FLY_API_HOSTNAME") + "/v1/apps/demo/machines";
      var curl = new ArrayList<>(List.of("curl", "-s", "-H", "Authorization: Bearer x", url));
      var certificate = environment.get("SSL_CERT_FILE");
      if (certificate != null) curl.addAll(List.of("--cacert", certificate));
      ways.put("curl", curl);
    }
    return ways;
  }

  /** The command of JBang's own launcher, which resolves anew and starts a second JVM. */
  static List<String> plain(String alias, String words) {
    return plain(alias + "@" + ROOT.resolve("jbang-catalog.json") + " " + words);
  }

  private static List<String> plain(String words) {
    var java = Path.of(JAVA_HOME, "bin", "java");
    var print = "JBANG_RUNTIME_SHELL=bash '%s' -jar '%s' run %s </dev/null";
    return List.of(
        "bash", "-c", ("out=$(" + print + "); eval \"exec $out\"").formatted(java, jar(), words));
  }

  private static String jar() {
    var named = "/jbang-cli-%s-all.jar".formatted(System.getenv("FLY_JBANG_VERSION"));
    return System.getenv()
        .getOrDefault("JBANG_JAR", System.getenv("JBANG_DIR") + "/wrapper" + named);
  }

  private static Map<String, String> environment(String url) {
    return new HashMap<>(
        Map.of(
            "FLY_API_HOSTNAME", url, "FLY_API_TOKEN", "x", "APP_NAME", "demo", "ORG", "personal"));
  }

  /** In milliseconds, until the process has ended. */
  private static double time(List<String> command, Map<String, String> environment)
      throws Exception {
    var begin = System.nanoTime();
    start(command, environment).end();
    return (System.nanoTime() - begin) / 1e6;
  }

  private static Started start(List<String> command, Map<String, String> environment)
      throws IOException {
    var output = Files.createTempFile("bench-start", ".log");
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.redirectOutput(output.toFile()).redirectInput(new File("/dev/null"));
    builder.environment().putAll(environment);
    return new Started(command, builder.start(), output);
  }

  private record Started(List<String> command, Process process, Path output) {
    void end() throws Exception {
      var exit = process.waitFor();
      var text = Files.readString(output);
      Files.delete(output);
      if (exit != 0) throw new IllegalStateException(command + " ended with " + exit + "\n" + text);
    }
  }
}
