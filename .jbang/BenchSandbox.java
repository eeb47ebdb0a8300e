//SOURCES ../lib/fly/sandbox/SandboxServer.java
import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import io.javalin.Javalin;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * The sandbox's speed, scale and size, beside an empty Javalin in the same run: the machine is
 * noisy, so look at the ratios. Servers run in JVMs of their own, with the options of {@code
 * fly-sandbox}; state-only Machines, loopback, warm after seconds of load.
 */
class BenchSandbox {
  private static final int CONNECTIONS = 8;
  private static final double WARM_UP_SECONDS = 5;
  private static final int REQUESTS = 40_000;
  private static final String OPTIONS = "//RUNTIME_OPTIONS ";
  private static BenchReport report;

  /** A server to measure, in a JVM of its own. */
  public static void main(String... args) throws Exception {
    if (args[0].equals("serve-empty")) serveEmpty();
    else serveSandbox();
  }

  static void run(BenchReport to) throws Exception {
    report = to;
    sandbox();
  }

  private static void serveEmpty() throws InterruptedException {
    var javalin =
        Javalin.start(
            config -> {
              config.startup.showJavalinBanner = false;
              config.jetty.host = "127.0.0.1";
              config.jetty.port = 0;
              config.routes.get("/", x -> x.result("{}"));
            });
    System.out.println(javalin.port() + " -");
    Thread.currentThread().join();
  }

  private static void serveSandbox() throws InterruptedException {
    var sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    System.out.println(sandbox.port() + " " + sandbox.token());
    Thread.currentThread().join();
  }

  /** The JVM options of fly-sandbox: its script's, then the catalog's, as JBang gives them. */
  private static List<String> productOptions() throws IOException {
    var root = Path.of(System.getenv().getOrDefault("FLY_ROOT", "."));
    var options = new ArrayList<String>();
    for (var line : Files.readAllLines(root.resolve("lib/fly/cli/Cli.java"))) {
      if (line.startsWith(OPTIONS))
        options.addAll(List.of(line.substring(OPTIONS.length()).split(" ")));
    }
    var catalog = Fly.JSON.readTree(Files.readString(root.resolve("jbang-catalog.json")));
    for (var option : catalog.at("/aliases/fly-sandbox/java-options")) options.add(option.asText());
    return options;
  }

  /** A server in a JVM of its own. */
  private static final class Server implements AutoCloseable {
    final Process process;
    final int port;
    final String token;
    final double readyMs;

    Server(String which) throws IOException {
      var start = System.nanoTime();
      var command = new ArrayList<String>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(productOptions());
      command.addAll(List.of("-cp", System.getProperty("java.class.path"), "BenchSandbox", which));
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      var line = new StringBuilder();
      for (int c = process.getInputStream().read(); c > '\n'; c = process.getInputStream().read())
        line.append((char) c);
      port = Integer.parseInt(line.toString().split(" ")[0]);
      token = line.toString().split(" ")[1];
      try (var connection = new Connection(this)) {
        connection.send("GET", "/", null);
      }
      readyMs = (System.nanoTime() - start) / 1e6;
    }

    /** Resident memory in MB; 0 where /proc is not there. */
    long memory() throws IOException {
      var status = Path.of("/proc/" + process.pid() + "/status");
      if (!Files.exists(status)) return 0;
      return Files.readAllLines(status).stream()
          .filter(line -> line.startsWith("VmRSS"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
          .findFirst()
          .orElse(0);
    }

    long threads() throws IOException {
      try (var tasks = Files.list(Path.of("/proc/" + process.pid() + "/task"))) {
        return tasks.count();
      }
    }

    @Override
    public void close() {
      process.destroy();
      process.onExit().join();
    }
  }

  /** One keep-alive connection, as cheap as it gets: the load must not be what is measured. */
  private static final class Connection implements AutoCloseable {
    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private final String head;

    Connection(Server server) throws IOException {
      socket = new Socket("127.0.0.1", server.port);
      socket.setTcpNoDelay(true);
      in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
      out = socket.getOutputStream();
      head = " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + server.token + "\r\n";
    }

    byte[] send(String method, String path, String body) throws IOException {
      post(method, path, body);
      return answer();
    }

    void post(String method, String path, String body) throws IOException {
      var length = body == null ? "" : "Content-Length: " + body.length() + "\r\n";
      var text = method + " " + path + head + length + "\r\n" + (body == null ? "" : body);
      out.write(text.getBytes(StandardCharsets.US_ASCII));
    }

    byte[] answer() throws IOException {
      var status = line();
      if (!status.startsWith("HTTP/1.1 2")) throw new IOException(status);
      var length = 0;
      var chunked = false;
      for (var line = line(); !line.isEmpty(); line = line()) {
        var lower = line.toLowerCase();
        if (lower.startsWith("content-length:"))
          length = Integer.parseInt(line.substring(15).strip());
        if (lower.startsWith("transfer-encoding: chunked")) chunked = true;
      }
      if (!chunked) return in.readNBytes(length);
      var all = new java.io.ByteArrayOutputStream();
      for (var size = Integer.parseInt(line(), 16); size > 0; size = Integer.parseInt(line(), 16)) {
        all.write(in.readNBytes(size));
        line();
      }
      line();
      return all.toByteArray();
    }

    private String line() throws IOException {
      var line = new StringBuilder();
      for (int c = in.read(); c != '\n'; c = in.read()) {
        if (c < 0) throw new IOException("closed");
        if (c != '\r') line.append((char) c);
      }
      return line.toString();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  /** Requests per second over all connections. */
  private static double rate(Server server, int requests, String method, String path, String body)
      throws Exception {
    return rate(server, requests, Long.MAX_VALUE, method, path, body);
  }

  /** Loads a server for some seconds. */
  private static void warmUp(Server server, String path) throws Exception {
    var end = System.nanoTime() + (long) (WARM_UP_SECONDS * 1e9);
    rate(server, Integer.MAX_VALUE, end, "GET", path, null);
  }

  private static double rate(
      Server server, int requests, long end, String method, String path, String body)
      throws Exception {
    var left = new AtomicInteger(requests);
    var pool = Executors.newFixedThreadPool(CONNECTIONS);
    var start = System.nanoTime();
    var tasks = new ArrayList<Callable<Void>>();
    for (int i = 0; i < CONNECTIONS; i++) {
      tasks.add(
          () -> {
            try (var connection = new Connection(server)) {
              while (left.getAndDecrement() > 0 && System.nanoTime() - end < 0) {
                connection.send(method, path, body);
              }
            }
            return null;
          });
    }
    for (var done : pool.invokeAll(tasks)) done.get();
    pool.shutdown();
    return requests / ((System.nanoTime() - start) / 1e9);
  }

  private static JsonNode json(Server server, String method, String path, String body)
      throws IOException {
    try (var connection = new Connection(server)) {
      return Fly.JSON.readTree(connection.send(method, path, body));
    }
  }

  private static void sandbox() throws Exception {
    var emptyReady = new ArrayList<Double>();
    var sandboxReady = new ArrayList<Double>();
    for (int i = 0; i < 5; i++) {
      try (var empty = new Server("serve-empty")) {
        emptyReady.add(empty.readyMs);
      }
      try (var sandbox = new Server("serve-sandbox")) {
        sandboxReady.add(sandbox.readyMs);
      }
    }
    ratio("ready", "ms", sandboxReady, emptyReady, BenchReport.Side.AT_MOST, 1.5);

    try (var empty = new Server("serve-empty");
        var sandbox = new Server("serve-sandbox")) {
      json(sandbox, "POST", "/v1/apps", "{\"name\": \"bench\", \"org_slug\": \"personal\"}");
      var machines = "/v1/apps/bench/machines";
      var body = "{\"skip_launch\": true, \"region\": \"iad\", \"config\": {\"image\": \"nginx\"}}";
      var one = machines + "/" + json(sandbox, "POST", machines, body).path("id").asText();
      warmUp(empty, "/");
      warmUp(sandbox, one);
      var warm = rate(sandbox, REQUESTS / 4, "GET", one, null);
      var base = new ArrayList<Double>();
      var gets = new ArrayList<Double>();
      for (int i = 0; i < 3; i++) {
        base.add(rate(empty, REQUESTS, "GET", "/", null));
        gets.add(rate(sandbox, REQUESTS, "GET", one, null));
      }
      ratio("GETs of a Machine", "per second", gets, base, BenchReport.Side.AT_LEAST, 1.0);
      report.mark(
          "GETs of a Machine",
          "after 5 s of load, of those later",
          warm / BenchReport.median(gets),
          "",
          BenchReport.Side.AT_LEAST,
          0.8);

      for (int i = 0; i < 3; i++) {
        json(sandbox, "POST", "/v1/apps", "{\"name\": \"warm\", \"org_slug\": \"personal\"}");
        rate(sandbox, 10_000, "POST", "/v1/apps/warm/machines", body);
        json(sandbox, "DELETE", "/v1/apps/warm", null);
      }
      Thread.sleep(2_000);
      var beside = new ArrayList<Double>();
      var creates = new ArrayList<Double>();
      for (int i = 0; i < 3; i++) {
        beside.add(rate(empty, REQUESTS / 4, "GET", "/", null));
        creates.add(rate(sandbox, 3_333, "POST", machines, body));
      }
      ratio("creates", "per second", creates, beside, BenchReport.Side.AT_LEAST, 0.7);

      var lists = new ArrayList<Double>();
      for (int i = 0; i < 9; i++) {
        try (var connection = new Connection(sandbox)) {
          var start = System.nanoTime();
          connection.send("GET", machines, null);
          lists.add((System.nanoTime() - start) / 1e6);
        }
      }
      var listed = json(sandbox, "GET", machines, null).size();
      mark("in the list", listed, "Machines", BenchReport.Side.EXACTLY, 10_000);
      mark("listed in", BenchReport.median(lists), "ms", BenchReport.Side.AT_MOST, 150);
      var memory = sandbox.memory();
      mark("memory", memory, "MB", BenchReport.Side.AT_MOST, 200);

      var before = sandbox.threads();
      var waits = new ArrayList<Connection>();
      for (int i = 0; i < 1_000; i++) {
        var connection = new Connection(sandbox);
        connection.post("GET", one + "/wait?timeout=60", null);
        waits.add(connection);
      }
      Thread.sleep(1_000);
      var more = sandbox.threads() - before;
      mark("1,000 waits at once", more, "threads more", BenchReport.Side.AT_MOST, 100);
      json(sandbox, "POST", one + "/start", null);
      for (var wait : waits) {
        if (!new String(wait.answer(), StandardCharsets.UTF_8).contains("started"))
          throw new IllegalStateException();
        wait.close();
      }
    }
    live();
  }

  /** Machines with a real process each. */
  private static void live() throws Exception {
    try (var sandbox = new Server("serve-sandbox")) {
      json(sandbox, "POST", "/v1/apps", "{\"name\": \"live\", \"org_slug\": \"personal\"}");
      var machines = "/v1/apps/live/machines";
      var body = "{\"config\": {\"image\": \"flyio/mcp\", \"init\": {\"cmd\": [\"cat\"]}}}";
      var start = System.nanoTime();
      var ids = new ArrayList<String>();
      for (int i = 0; i < 200; i++)
        ids.add(json(sandbox, "POST", machines, body).path("id").asText());
      for (var id : ids) json(sandbox, "GET", machines + "/" + id + "/wait?timeout=60", null);
      var seconds = (System.nanoTime() - start) / 1e9;
      report.figure("live processes", "200 Machines started in", seconds, "s");
      var running =
          IntStream.range(0, 200)
              .filter(
                  i -> {
                    try {
                      return json(sandbox, "GET", machines + "/" + ids.get(i) + "/ps", null).size()
                          > 0;
                    } catch (IOException e) {
                      return false;
                    }
                  })
              .count();
      report.mark(
          "live processes", "running then", running, "Machines", BenchReport.Side.EXACTLY, 200);
    }
  }

  /** The sandbox beside an empty Javalin; the mark is of their ratio. */
  private static void ratio(
      String work,
      String unit,
      List<Double> sandbox,
      List<Double> empty,
      BenchReport.Side side,
      double bar) {
    var own = BenchReport.median(sandbox);
    var base = BenchReport.median(empty);
    report.figure(work, "sandbox", own, unit);
    report.figure(work, "an empty Javalin", base, unit);
    report.mark(work, "sandbox, of the empty Javalin's", own / base, "", side, bar);
  }

  private static void mark(
      String way, double value, String unit, BenchReport.Side side, double bar) {
    report.mark("10,000 Machines", way, value, unit, side, bar);
  }
}
