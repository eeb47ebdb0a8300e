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
import java.util.function.DoublePredicate;
import java.util.stream.IntStream;

/**
 * The sandbox's speed, scale and size, beside an empty Javalin in the same run: the machine is
 * noisy, so look at the ratios. Servers run in JVMs of their own; state-only Machines, loopback,
 * warm.
 */
class BenchSandbox {
  private static final int CONNECTIONS = 8;
  private static final int WARM_UP = 30_000;
  private static final int REQUESTS = 40_000;
  private static boolean met = true;

  public static void main(String... args) throws Exception {
    switch (args.length == 0 ? "" : args[0]) {
      case "serve-empty" -> serveEmpty();
      case "serve-sandbox" -> serveSandbox();
      default -> sandbox();
    }
    System.exit(met ? 0 : 1);
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

  /** A server in a JVM of its own. */
  private static final class Server implements AutoCloseable {
    final Process process;
    final int port;
    final String token;
    final double readyMs;

    Server(String which) throws IOException {
      var start = System.nanoTime();
      process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xmx512m",
                  "-XX:+UseSerialGC",
                  "-cp",
                  System.getProperty("java.class.path"),
                  "BenchSandbox",
                  which)
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
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
    var left = new AtomicInteger(requests);
    var pool = Executors.newFixedThreadPool(CONNECTIONS);
    var start = System.nanoTime();
    var tasks = new ArrayList<Callable<Void>>();
    for (int i = 0; i < CONNECTIONS; i++) {
      tasks.add(
          () -> {
            try (var connection = new Connection(server)) {
              while (left.getAndDecrement() > 0) connection.send(method, path, body);
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
    ratio(
        "ready, ms",
        median(sandboxReady),
        median(emptyReady),
        ratio -> ratio <= 1.5,
        "at most 1.5");

    try (var empty = new Server("serve-empty");
        var sandbox = new Server("serve-sandbox")) {
      json(sandbox, "POST", "/v1/apps", "{\"name\": \"bench\", \"org_slug\": \"personal\"}");
      var machines = "/v1/apps/bench/machines";
      var body = "{\"skip_launch\": true, \"region\": \"iad\", \"config\": {\"image\": \"nginx\"}}";
      var one = machines + "/" + json(sandbox, "POST", machines, body).path("id").asText();
      rate(empty, WARM_UP, "GET", "/", null);
      rate(sandbox, WARM_UP, "GET", one, null);
      var base = new ArrayList<Double>();
      var gets = new ArrayList<Double>();
      for (int i = 0; i < 3; i++) {
        base.add(rate(empty, REQUESTS, "GET", "/", null));
        gets.add(rate(sandbox, REQUESTS, "GET", one, null));
      }
      ratio(
          "GETs of a Machine, per second",
          median(gets),
          median(base),
          ratio -> ratio >= 0.6,
          "at least 0.6");

      for (int created = 0; created < WARM_UP; created += 10_000) {
        json(sandbox, "POST", "/v1/apps", "{\"name\": \"warm\", \"org_slug\": \"personal\"}");
        rate(sandbox, 10_000, "POST", "/v1/apps/warm/machines", body);
        json(sandbox, "DELETE", "/v1/apps/warm", null);
      }
      Thread.sleep(2_000);
      var creates = rate(sandbox, 9_999, "POST", machines, body);
      ratio("creates, per second", creates, median(base), ratio -> ratio >= 0.3, "at least 0.3");

      var lists = new ArrayList<Double>();
      for (int i = 0; i < 9; i++) {
        try (var connection = new Connection(sandbox)) {
          var start = System.nanoTime();
          connection.send("GET", machines, null);
          lists.add((System.nanoTime() - start) / 1e6);
        }
      }
      var listed = json(sandbox, "GET", machines, null).size();
      figure("Machines in the list", listed, n -> n == 10_000, "10,000");
      figure("10,000 Machines listed, ms", median(lists), ms -> ms <= 150, "at most 150");
      var memory = sandbox.memory();
      figure("memory with 10,000 Machines, MB", memory, mb -> mb < 512, "less than 512");

      var before = sandbox.threads();
      var waits = new ArrayList<Connection>();
      for (int i = 0; i < 1_000; i++) {
        var connection = new Connection(sandbox);
        connection.post("GET", one + "/wait?timeout=60", null);
        waits.add(connection);
      }
      Thread.sleep(1_000);
      var more = sandbox.threads() - before;
      figure("threads more with 1,000 waits", more, n -> n < 100, "less than 100");
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
      figure("200 Machines with live processes started, s", seconds, s -> true, "-");
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
      figure("of them running", running, n -> n == 200, "200");
    }
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }

  private static void ratio(
      String what, double sandbox, double empty, DoublePredicate target, String words) {
    System.out.printf(
        "%-46s %10.0f   empty Javalin %10.0f   ratio %5.2f   (%s)%s%n",
        what, sandbox, empty, sandbox / empty, words, judge(target.test(sandbox / empty)));
  }

  private static void figure(String what, double value, DoublePredicate target, String words) {
    System.out.printf("%-46s %10.1f   (%s)%s%n", what, value, words, judge(target.test(value)));
  }

  private static String judge(boolean reached) {
    met &= reached;
    return reached ? "" : " MISSED";
  }
}
