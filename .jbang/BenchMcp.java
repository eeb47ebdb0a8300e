//SOURCES ../lib/fly/Fly.java ../lib/fly/Cli.java
import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import fly.Fly;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * Puts fly-mcp-proxy and the proxies that people use beside it in front of one MCP server, and
 * fly-mcp-wrap and its peers in front of npm's server-filesystem, in turn, and measures what a
 * client sees: how long until initialize is answered, how long a call takes, how many calls pass in
 * a second, and what memory that takes.
 */
class BenchMcp {
  private static final List<String> PEERS =
      List.of(
          "mcp-remote@0.15.1",
          "supergateway@4.0.0",
          "mcp-proxy@6.7.19",
          "@modelcontextprotocol/server-filesystem@2026.8.31");
  private static final String OURS = "fly-mcp-proxy";
  private static final String OUR_WRAP = "fly-mcp-wrap";
  private static final int WAYS = 8;
  private static final int STARTS = 7;
  private static final int WARM = 500;
  private static final int CALLS = 500;
  private static final int PIPELINED = 5_000;

  /** Medians: ms, ms, 1/s, MB. */
  record Result(double start, double roundTrip, double perSecond, double memory) {}

  public static void main(String... args) throws Exception {
    var met = proxies() & wraps();
    System.exit(met ? 0 : 1);
  }

  private static boolean proxies() throws Exception {
    var server = server();
    var url = "http://127.0.0.1:" + server.getAddress().getPort() + "/mcp";
    var proxies = proxies(url);
    measure(OURS, proxies.get(OURS), new double[] {0}); // the server warms up, too
    var starts = starts(proxies, command -> new Client(command).startedAndClosed());
    var results = new LinkedHashMap<String, Result>();
    for (var proxy : proxies.entrySet()) {
      results.put(
          proxy.getKey(), measure(proxy.getKey(), proxy.getValue(), starts.get(proxy.getKey())));
    }
    server.stop(0);
    print("PROXY", results);
    var ours = results.get(OURS);
    var met = bar("calls per second", ours.perSecond, ">=", 2_000);
    var remote = results.get("mcp-remote");
    if (remote == null) return met;
    met &= bar("start, of mcp-remote's", ours.start / remote.start, "<=", 0.75);
    met &= bar("round trip, of mcp-remote's", ours.roundTrip / remote.roundTrip, "<=", 0.6);
    met &= bar("calls/s, of mcp-remote's", ours.perSecond / remote.perSecond, ">=", 3);
    return met
        & bar(
            "memory, of supergateway's",
            ours.memory / results.get("supergateway").memory,
            "<=",
            0.5);
  }

  /** In front of a real server, which is measured alone, too: its start is not the wrap's. */
  private static boolean wraps() throws Exception {
    var peers = peers();
    if (peers == null) return true;
    var folder = Files.createTempDirectory("fly-bench").toString();
    var child = List.of("node", peers.resolve("mcp-server-filesystem").toString(), folder);
    var wraps = new LinkedHashMap<String, List<String>>();
    wraps.put("(no wrap)", child);
    var ours = script("scripts/McpWrap.java", "fly-mcp-wrap");
    ours.addAll(List.of("-q", "--port", "PORT", "--"));
    ours.addAll(child);
    wraps.put(OUR_WRAP, ours);
    wraps.put(
        "supergateway",
        List.of(
            "node",
            peers.resolve("supergateway").toString(),
            "--stdio",
            String.join(" ", child),
            "--outputTransport",
            "streamableHttp",
            "--stateful",
            "--port",
            "PORT",
            "--logLevel",
            "none"));
    var other = new ArrayList<>(List.of("node", peers.resolve("mcp-proxy").toString()));
    other.addAll(List.of("--port", "PORT", "--"));
    other.addAll(child);
    wraps.put("mcp-proxy", other);

    var starts =
        starts(
            wraps,
            command ->
                command == child
                    ? new Client(command).startedAndClosed()
                    : new HttpClientOf(command).startedAndClosed());
    var results = new LinkedHashMap<String, Result>();
    for (var wrap : wraps.entrySet()) {
      var name = wrap.getKey();
      if (wrap.getValue() == child) results.put(name, measure(name, child, starts.get(name)));
      else results.put(name, measureHttp(name, wrap.getValue(), starts.get(name)));
    }
    Files.delete(Path.of(folder));
    print("WRAP", results);
    var our = results.get(OUR_WRAP);
    var gateway = results.get("supergateway");
    return bar(
            "ready after the server itself, ms",
            our.start - results.get("(no wrap)").start,
            "<=",
            200)
        & bar("start, of supergateway's", our.start / gateway.start, "<=", 1)
        & bar("calls per second, 8 at a time", our.perSecond, ">=", 2_000)
        & bar("memory, of supergateway's", our.memory / gateway.memory, "<=", 0.5);
  }

  private interface Start {
    double ms(List<String> command) throws Exception;
  }

  /** In turn, so that what else goes on here hits them alike. */
  private static Map<String, double[]> starts(Map<String, List<String>> commands, Start start)
      throws Exception {
    System.err.println("Starting each of " + commands.keySet() + " " + STARTS + " times ...");
    var all = new LinkedHashMap<String, double[]>();
    for (var i = 0; i < STARTS; i++) {
      for (var command : commands.entrySet()) {
        all.computeIfAbsent(command.getKey(), name -> new double[STARTS])[i] =
            start.ms(command.getValue());
      }
    }
    return all;
  }

  private static Map<String, List<String>> proxies(String url) throws Exception {
    var proxies = new LinkedHashMap<String, List<String>>();
    var ours = script("scripts/McpProxy.java", "fly-mcp-proxy");
    ours.addAll(List.of("-q", "--url", url));
    proxies.put(OURS, ours);
    var peers = peers();
    if (peers == null) {
      System.err.println("There is no Node here: nothing to compare with.");
      return proxies;
    }
    var mcpRemote = peers.resolve("mcp-remote").toString();
    var supergateway = peers.resolve("supergateway").toString();
    proxies.put("mcp-remote", List.of("node", mcpRemote, url, "--transport", "http-only"));
    proxies.put(
        "supergateway",
        List.of("node", supergateway, "--streamableHttp", url, "--logLevel", "none"));
    return proxies;
  }

  /** The command that JBang itself would run for an alias: with the catalog's options, too. */
  private static List<String> script(String file, String alias) throws Exception {
    var root = Path.of(System.getenv().getOrDefault("FLY_ROOT", "."));
    var jbang = System.getenv().getOrDefault("FLY_JBANG", root.resolve("jbang").toString());
    var source = root.resolve(file).toString();
    run(List.of(jbang, "build", source));
    var info = Fly.JSON.readTree(run(List.of(jbang, "info", "tools", source)));
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (JsonNode option : info.path("runtimeOptions")) command.add(option.asText());
    var catalog = Fly.JSON.readTree(root.resolve("jbang-catalog.json").toFile());
    for (JsonNode option : catalog.at("/aliases/" + alias + "/java-options")) {
      command.add(option.asText());
    }
    var classPath = new ArrayList<>(List.of(info.path("applicationJar").asText()));
    for (JsonNode jar : info.path("resolvedDependencies")) classPath.add(jar.asText());
    command.addAll(List.of("-cp", String.join(java.io.File.pathSeparator, classPath)));
    command.add(info.path("mainClass").asText());
    return command;
  }

  /** The folder of their commands, or null where there is no npm. They are installed once. */
  private static Path peers() throws Exception {
    var folder = Path.of(System.getProperty("java.io.tmpdir"), "fly-bench-peers");
    var commands = folder.resolve("node_modules/.bin");
    if (Files.isDirectory(commands)) return commands;
    try {
      var install = new ArrayList<>(List.of("npm", "install", "--prefix", folder.toString()));
      install.addAll(List.of("--no-audit", "--no-fund"));
      install.addAll(PEERS);
      Files.createDirectories(folder);
      run(install);
      return commands;
    } catch (IOException e) {
      return null;
    }
  }

  private static String run(List<String> command) throws Exception {
    var process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    process.getOutputStream().close();
    var out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) throw new IOException(command + " failed");
    return out;
  }

  private static Result measure(String name, List<String> command, double[] starts)
      throws Exception {
    System.err.println("Measuring " + name + " ...");
    try (var client = new Client(command)) {
      for (int i = 0; i < WARM; i++) client.call().await();
      var calls = new double[CALLS];
      for (int i = 0; i < CALLS; i++) {
        var begin = System.nanoTime();
        client.call().await();
        calls[i] = ms(begin);
      }
      var begin = System.nanoTime();
      var open = new ArrayList<CountDownLatch>();
      for (int i = 0; i < PIPELINED; i++) open.add(client.call());
      for (var call : open) call.await();
      var perSecond = PIPELINED / (ms(begin) / 1000);
      return new Result(median(starts), median(calls), perSecond, client.memory());
    }
  }

  private static Result measureHttp(String name, List<String> command, double[] starts)
      throws Exception {
    System.err.println("Measuring " + name + " ...");
    try (var client = new HttpClientOf(command)) {
      for (int i = 0; i < WARM; i++) client.call();
      var calls = new double[CALLS];
      for (int i = 0; i < CALLS; i++) {
        var begin = System.nanoTime();
        client.call();
        calls[i] = ms(begin);
      }
      var ways = Executors.newFixedThreadPool(WAYS);
      for (var round = 0; round < 2; round++) { // the first one warms up
        var begin = System.nanoTime();
        var over = new ArrayList<Future<?>>();
        for (int i = 0; i < PIPELINED; i++) {
          over.add(
              ways.submit(
                  () -> {
                    client.call();
                    return null;
                  }));
        }
        for (var call : over) call.get();
        if (round == 0) continue;
        ways.shutdown();
        var perSecond = PIPELINED / (ms(begin) / 1000);
        return new Result(median(starts), median(calls), perSecond, client.memory());
      }
      throw new IllegalStateException();
    }
  }

  private static double ms(long since) {
    return (System.nanoTime() - since) / 1e6;
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  private static void print(String what, Map<String, Result> results) {
    System.out.printf(
        "%n%-14s  %8s  %13s  %10s  %9s%n",
        what, "START ms", "ROUND TRIP ms", "CALLS/s", "MEMORY MB");
    results.forEach(
        (name, result) ->
            System.out.printf(
                "%-14s  %8.0f  %13.2f  %10.0f  %9.0f%n",
                name, result.start, result.roundTrip, result.perSecond, result.memory));
  }

  private static boolean bar(String what, double value, String relation, double bar) {
    var met = relation.equals("<=") ? value <= bar : value >= bar;
    System.out.printf("%s %-34s %8.2f  (%s %.2f)%n", met ? "+" : "-", what, value, relation, bar);
    return met;
  }

  /** An MCP client of one proxy. */
  private static final class Client implements AutoCloseable {
    private final Process process;
    private final OutputStream stdin;
    private final Map<String, CountDownLatch> open = new ConcurrentHashMap<>();
    private final double startMs;
    private int calls;

    Client(List<String> command) throws Exception {
      var begin = System.nanoTime();
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      stdin = process.getOutputStream();
      var reader = new Thread(this::read, "bench-client");
      reader.setDaemon(true);
      reader.start();
      send(
              "initialize",
              "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
                  + "\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}")
          .await();
      startMs = ms(begin);
      line("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    }

    CountDownLatch call() throws IOException {
      return send("tools/call", "{\"name\":\"list_allowed_directories\",\"arguments\":{}}");
    }

    private CountDownLatch send(String method, String params) throws IOException {
      var id = String.valueOf(calls++);
      var latch = new CountDownLatch(1);
      open.put(id, latch);
      line(
          "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"%s\",\"params\":%s}"
              .formatted(id, method, params));
      return latch;
    }

    private void line(String text) throws IOException {
      stdin.write((text + "\n").getBytes(StandardCharsets.UTF_8));
      stdin.flush();
    }

    private void read() {
      try (var lines = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
          var latch = open.remove(line.replaceFirst(".*\"id\":(\\d+).*", "$1"));
          if (latch != null) latch.countDown();
        }
      } catch (IOException e) {
        // it has ended
      }
    }

    double startedAndClosed() throws Exception {
      close();
      return startMs;
    }

    double memory() throws IOException {
      return resident(Stream.concat(Stream.of(process.toHandle()), process.descendants()).toList());
    }

    @Override
    public void close() throws Exception {
      stdin.close();
      if (!process.waitFor(5, TimeUnit.SECONDS)) process.destroyForcibly().waitFor();
    }
  }

  /** An MCP client of one wrap, by Streamable HTTP. */
  private static final class HttpClientOf implements AutoCloseable {
    private final HttpClient http =
        HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final AtomicInteger ids = new AtomicInteger();
    private final Process process;
    private final URI uri;
    private final String session;
    private final double startMs;

    HttpClientOf(List<String> command) throws Exception {
      int port;
      try (var free = new ServerSocket(0)) {
        port = free.getLocalPort();
      }
      uri = URI.create("http://127.0.0.1:" + port + "/mcp");
      http.sendAsync(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding());
      var words =
          command.stream().map(word -> word.replaceAll("^PORT$", String.valueOf(port))).toList();
      var begin = System.nanoTime();
      process =
          new ProcessBuilder(words)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      session = initialize();
      startMs = ms(begin);
      post("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    }

    /** As soon as it takes one; its session. */
    private String initialize() throws Exception {
      var params =
          "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
              + "\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}";
      while (process.isAlive()) {
        try {
          return post(request("initialize", params)).headers().firstValue("Mcp-Session-Id").get();
        } catch (ConnectException e) {
          Thread.sleep(2);
        }
      }
      throw new IOException("the wrap has ended");
    }

    private String request(String method, String params) {
      return "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}"
          .formatted(ids.incrementAndGet(), method, params);
    }

    private HttpResponse<String> post(String body) throws Exception {
      var request =
          HttpRequest.newBuilder(uri)
              .header("Content-Type", "application/json")
              .header("Accept", "application/json, text/event-stream")
              .POST(HttpRequest.BodyPublishers.ofString(body));
      if (session != null) {
        request.header("Mcp-Session-Id", session).header("MCP-Protocol-Version", "2025-06-18");
      }
      var answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() / 100 != 2) throw new IOException(answer + answer.body());
      return answer;
    }

    void call() throws Exception {
      var reply =
          post(request("tools/call", "{\"name\":\"list_allowed_directories\",\"arguments\":{}}"));
      if (!reply.body().contains("\"result\"")) throw new IOException(reply.body());
    }

    double startedAndClosed() throws Exception {
      close();
      return startMs;
    }

    /** Its own, without the server's. */
    double memory() throws IOException {
      return resident(List.of(process.toHandle()));
    }

    @Override
    public void close() throws Exception {
      var family = process.descendants().toList();
      process.destroy();
      if (!process.waitFor(5, TimeUnit.SECONDS)) process.destroyForcibly().waitFor();
      family.forEach(ProcessHandle::destroy);
    }
  }

  /** MB; only Linux tells. */
  private static double resident(List<ProcessHandle> processes) throws IOException {
    double sum = 0;
    for (var each : processes) {
      var status = Path.of("/proc/" + each.pid() + "/status");
      if (!Files.exists(status)) return Double.NaN;
      for (var line : Files.readAllLines(status)) {
        if (line.startsWith("VmRSS:")) sum += Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
      }
    }
    return sum;
  }

  /** Answers every request at once, as JSON; it offers no stream of its own. */
  private static HttpServer server() throws IOException {
    System.setProperty("sun.net.httpserver.nodelay", "true");
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", BenchMcp::answer);
    server.start();
    return server;
  }

  private static void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      var body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      if (!exchange.getRequestMethod().equals("POST")) {
        exchange.sendResponseHeaders(405, -1);
        return;
      }
      if (!body.contains("\"id\":")) {
        exchange.sendResponseHeaders(202, -1);
        return;
      }
      var result =
          body.contains("\"initialize\"")
              ? "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},"
                  + "\"serverInfo\":{\"name\":\"bench\",\"version\":\"1\"}}"
              : "{\"content\":[{\"type\":\"text\",\"text\":\"hello\"}]}";
      var id = body.replaceFirst("(?s).*\"id\":(\"[^\"]*\"|\\d+).*", "$1");
      var reply =
          "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}"
              .formatted(id, result)
              .getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(200, reply.length);
      exchange.getResponseBody().write(reply);
    }
  }
}
