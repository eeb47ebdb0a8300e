//SOURCES ../lib/fly/Fly.java ../lib/fly/cli/Cli.java
import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import fly.Fly;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
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

  private static final String INITIALIZE =
      "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
          + "\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}";
  private static final String INITIALIZED =
      "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},"
          + "\"serverInfo\":{\"name\":\"bench\",\"version\":\"1\"}}";

  /** Bytes of a large message's text: with what stands around it 64 MiB at most. */
  private static final int LARGE = (64 << 20) - 1024;

  private static final String SMALL_HEAP = "-Xmx32m";

  /** Medians: ms, ms, 1/s, MB. */
  record Result(double start, double roundTrip, double perSecond, double memory) {}

  private static BenchReport report;

  /** A server of large messages. */
  public static void main(String... args) throws Exception {
    serveLarge();
  }

  static void run(BenchReport to) throws Exception {
    report = to;
    proxies();
    wraps();
    largeMessages();
  }

  private static void proxies() throws Exception {
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
    var launched = starts(launchers(url), command -> new Client(command).startedAndClosed());
    server.stop(0);
    print("proxy", results);
    launched.forEach((name, ms) -> report.figure("proxy, launched", name, median(ms), "ms"));
    var ours = results.get(OURS);
    var remote = results.get("mcp-remote");
    if (remote == null) return;
    least("proxy", "calls per second", ours.perSecond, 2_000);
    most("proxy", "start, of mcp-remote's", ours.start / remote.start, 0.75);
    most("proxy", "round trip, of mcp-remote's", ours.roundTrip / remote.roundTrip, 0.6);
    least("proxy", "calls per second, of mcp-remote's", ours.perSecond / remote.perSecond, 3);
    var gateway = results.get("supergateway");
    most("proxy", "memory, of supergateway's", ours.memory / gateway.memory, 0.5);
    most(
        "proxy, launched",
        "./jbang, of npx mcp-remote's",
        median(launched.get("./jbang " + OURS)) / median(launched.get("npx mcp-remote")),
        1);
  }

  /** In front of a real server, which is measured alone, too: its start is not the wrap's. */
  private static void wraps() throws Exception {
    var peers = peers();
    if (peers == null) return;
    var folder = Files.createTempDirectory("fly-bench").toString();
    var child = List.of("node", peers.resolve("mcp-server-filesystem").toString(), folder);
    var wraps = new LinkedHashMap<String, List<String>>();
    wraps.put("(no wrap)", child);
    var ours = script("scripts/mcp/McpWrap.java", "fly-mcp-wrap");
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
    print("wrap", results);
    var our = results.get(OUR_WRAP);
    var gateway = results.get("supergateway");
    most(
        "wrap",
        "ready after the server itself, ms",
        our.start - results.get("(no wrap)").start,
        200);
    most("wrap", "start, of supergateway's", our.start / gateway.start, 1);
    least("wrap", "calls per second, 8 at a time", our.perSecond, 2_000);
    most("wrap", "memory, of supergateway's", our.memory / gateway.memory, 0.5);
  }

  /**
   * Requests and replies of 64 MiB, with a heap of half of that: through the proxy from a server
   * that answers with JSON and from one that answers with an event stream, and through the wrap;
   * the last reply's reader is slow. Shows seconds, and the most memory that it took.
   */
  private static void largeMessages() throws Exception {
    var server = server();
    server.createContext("/json", exchange -> answerLarge(exchange, false));
    server.createContext("/sse", exchange -> answerLarge(exchange, true));
    var url = "http://127.0.0.1:" + server.getAddress().getPort();
    System.err.println("Passing 64 MiB messages ...");
    var most = 0.0;
    for (var kind : List.of("/json", "/sse")) {
      var proxy = script("scripts/mcp/McpProxy.java", OURS);
      proxy.add(proxy.indexOf("-cp"), SMALL_HEAP);
      proxy.addAll(List.of("-q", "--url", url + kind, "--transport", "STREAMABLE"));
      try (var client = new Client(proxy, false)) {
        most = Math.max(most, large(OURS + " " + kind.substring(1), client.process, client::large));
      }
    }
    server.stop(0);
    var wrap = script("scripts/mcp/McpWrap.java", OUR_WRAP);
    wrap.add(wrap.indexOf("-cp"), SMALL_HEAP);
    wrap.addAll(List.of("-q", "--port", "PORT", "--"));
    wrap.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    wrap.addAll(List.of("-cp", System.getProperty("java.class.path"), "BenchMcp", "serve-large"));
    try (var client = new HttpClientOf(wrap)) {
      most = Math.max(most, large(OUR_WRAP, client.process, client::large));
    }
    most("64 MiB, " + SMALL_HEAP, "most memory, MB", most, 128);
  }

  private interface LargeCall {
    /** Sends a text of so many bytes with a call of a tool; how many bytes its reply has. */
    long of(String tool, int bytes, boolean slowly) throws Exception;
  }

  private static double large(String name, Process process, LargeCall call) throws Exception {
    var seconds = new double[3];
    for (var i = 0; i < seconds.length; i++) {
      var begin = System.nanoTime();
      var replied = call.of(i == 0 ? "take" : "give", i == 0 ? LARGE : 0, i == 2);
      if (i > 0 && replied < LARGE) throw new IOException("a reply of " + replied + " bytes");
      seconds[i] = ms(begin) / 1000;
    }
    var peak = status(process.toHandle(), "VmHWM:");
    var work = "64 MiB, " + SMALL_HEAP;
    report.figure(work, name + ", request", seconds[0], "s");
    report.figure(work, name + ", reply", seconds[1], "s");
    report.figure(work, name + ", slow reader", seconds[2], "s");
    report.figure(work, name + ", peak", peak, "MB");
    return peak;
  }

  /** Reads up to a newline or the end, and keeps nothing; how many bytes. */
  private static long drain(InputStream in, boolean slowly) throws Exception {
    var buffer = new byte[1 << 16];
    long count = 0;
    for (var n = in.read(buffer); n > 0; n = in.read(buffer)) {
      if (slowly && count >> 20 < count + n >> 20) Thread.sleep(20);
      count += n;
      if (buffer[n - 1] == '\n') return count;
    }
    return count;
  }

  private static InputStream text(String before, int bytes, String after) {
    var letters =
        new InputStream() {
          private int left = bytes;

          @Override
          public int read() {
            return left-- > 0 ? 'x' : -1;
          }

          @Override
          public int read(byte[] buffer, int from, int length) {
            if (left <= 0) return -1;
            var n = Math.min(left, length);
            Arrays.fill(buffer, from, from + n, (byte) 'x');
            left -= n;
            return n;
          }
        };
    var parts =
        List.of(
            new ByteArrayInputStream(before.getBytes(StandardCharsets.UTF_8)),
            letters,
            new ByteArrayInputStream(after.getBytes(StandardCharsets.UTF_8)));
    return new SequenceInputStream(Collections.enumeration(parts));
  }

  private static InputStream largeCall(String id, String tool, int bytes) {
    var before =
        ("{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"tools/call\","
                + "\"params\":{\"name\":\"%s\",\"arguments\":{\"text\":\"")
            .formatted(id, tool);
    return text(before, bytes, "\"}}}");
  }

  /** The reply to a message that begins so. */
  private static InputStream largeReply(String message) {
    var id = message.replaceFirst("(?s).*?\"id\":(\"[^\"]*\"|\\d+).*", "$1");
    if (message.contains("\"initialize\"")) return text(reply(id, INITIALIZED), 0, "");
    var before =
        "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\""
            .formatted(id);
    return text(before, message.contains("\"give\"") ? LARGE : 0, "\"}]}}");
  }

  /** A stdio MCP server of large messages that holds none of them. */
  private static void serveLarge() throws IOException {
    var in = new BufferedInputStream(System.in, 1 << 16);
    var out = new FileOutputStream(FileDescriptor.out);
    var head = new StringBuilder();
    for (var c = in.read(); c >= 0; c = in.read()) {
      if (c != '\n') {
        if (head.length() < 200) head.append((char) c);
        continue;
      }
      if (head.indexOf("\"id\":") >= 0) {
        largeReply(head.toString()).transferTo(out);
        out.write('\n');
      }
      head.setLength(0);
    }
  }

  private static void answerLarge(HttpExchange exchange, boolean stream) throws IOException {
    try (exchange) {
      var message = new String(exchange.getRequestBody().readNBytes(200), StandardCharsets.UTF_8);
      exchange.getRequestBody().transferTo(OutputStream.nullOutputStream());
      if (!exchange.getRequestMethod().equals("POST") || !message.contains("\"id\":")) {
        exchange.sendResponseHeaders(exchange.getRequestMethod().equals("POST") ? 202 : 405, -1);
        return;
      }
      var type = stream ? "text/event-stream" : "application/json";
      exchange.getResponseHeaders().set("Content-Type", type);
      exchange.sendResponseHeaders(200, 0);
      var body = exchange.getResponseBody();
      if (stream) body.write("data: ".getBytes(StandardCharsets.UTF_8));
      largeReply(message).transferTo(body);
      if (stream) body.write("\n\n".getBytes(StandardCharsets.UTF_8));
    }
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
    var ours = script("scripts/mcp/McpProxy.java", "fly-mcp-proxy");
    ours.addAll(List.of("-q", "--url", url));
    proxies.put(OURS, ours);
    var peers = peers();
    if (peers == null) {
      report.say("There is no Node here: nothing to compare with.");
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

  /** Started as people start them, by JBang and npx, whose own time is in it. */
  private static Map<String, List<String>> launchers(String url) throws Exception {
    var launchers = new LinkedHashMap<String, List<String>>();
    launchers.put("./jbang " + OURS, List.of(jbang(), OURS, "-q", "--url", url));
    var peers = peers();
    if (peers == null) return launchers;
    var folder = peers.getParent().getParent().toString();
    launchers.put(
        "npx mcp-remote",
        List.of("npx", "--prefix", folder, "mcp-remote", url, "--transport", "http-only"));
    return launchers;
  }

  private static Path root() {
    return Path.of(System.getenv().getOrDefault("FLY_ROOT", "."));
  }

  private static String jbang() {
    return System.getenv().getOrDefault("FLY_JBANG", root().resolve("jbang").toString());
  }

  /** The command that JBang itself would run for an alias: with the catalog's options, too. */
  private static List<String> script(String file, String alias) throws Exception {
    var source = root().resolve(file).toString();
    run(List.of(jbang(), "build", source));
    var info = Fly.JSON.readTree(run(List.of(jbang(), "info", "tools", source)));
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (JsonNode option : info.path("runtimeOptions")) command.add(option.asText());
    var catalog = Fly.JSON.readTree(Files.readString(root().resolve("jbang-catalog.json")));
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
    // Below the user's own folder: in one that all users share, another could have put programs
    // there.
    var cache = System.getenv("XDG_CACHE_HOME");
    var home = Path.of(System.getProperty("user.home"), ".cache");
    var folder =
        (cache == null || cache.isBlank() ? home : Path.of(cache)).resolve("fly-bench-peers");
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
    results.forEach(
        (name, result) -> {
          report.figure(what + ": start", name, result.start, "ms");
          report.figure(what + ": round trip", name, result.roundTrip, "ms");
          report.figure(what + ": calls", name, result.perSecond, "per second");
          report.figure(what + ": memory", name, result.memory, "MB");
        });
  }

  private static void most(String work, String way, double value, double bar) {
    report.mark(work + ": marks", way, value, "", BenchReport.Side.AT_MOST, bar);
  }

  private static void least(String work, String way, double value, double bar) {
    report.mark(work + ": marks", way, value, "", BenchReport.Side.AT_LEAST, bar);
  }

  /** An MCP client of one proxy. */
  private static final class Client implements AutoCloseable {
    private final Process process;
    private final OutputStream stdin;
    private final Map<String, CountDownLatch> open = new ConcurrentHashMap<>();
    private final double startMs;
    private int calls;

    Client(List<String> command) throws Exception {
      this(command, true);
    }

    /**
     * @param reading in a thread of its own; else each call reads its reply itself
     */
    Client(List<String> command, boolean reading) throws Exception {
      var begin = System.nanoTime();
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      stdin = process.getOutputStream();
      var reader = new Thread(this::read, "bench-client");
      reader.setDaemon(true);
      if (reading) reader.start();
      var initialized = send("initialize", INITIALIZE);
      if (reading) initialized.await();
      else drain(process.getInputStream(), false);
      startMs = ms(begin);
      line("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    }

    CountDownLatch call() throws IOException {
      return send("tools/call", "{\"name\":\"list_allowed_directories\",\"arguments\":{}}");
    }

    long large(String tool, int bytes, boolean slowly) throws Exception {
      largeCall(String.valueOf(calls++), tool, bytes).transferTo(stdin);
      stdin.write('\n');
      stdin.flush();
      return drain(process.getInputStream(), slowly);
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

    /** Waits until it takes a session, and returns that. */
    private String initialize() throws Exception {
      while (!listens()) {
        if (!process.isAlive()) throw new IOException("the wrap has ended");
        Thread.sleep(2);
      }
      return post(request("initialize", INITIALIZE)).headers().firstValue("Mcp-Session-Id").get();
    }

    /** Asked by a socket alone: an HTTP client that tries would take a core from who starts. */
    private boolean listens() {
      try (var socket = new Socket(uri.getHost(), uri.getPort())) {
        return true;
      } catch (IOException e) {
        return false;
      }
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

    long large(String tool, int bytes, boolean slowly) throws Exception {
      var id = String.valueOf(ids.incrementAndGet());
      var request =
          HttpRequest.newBuilder(uri)
              .header("Content-Type", "application/json")
              .header("Accept", "application/json, text/event-stream")
              .header("Mcp-Session-Id", session)
              .header("MCP-Protocol-Version", "2025-06-18")
              .POST(HttpRequest.BodyPublishers.ofInputStream(() -> largeCall(id, tool, bytes)))
              .build();
      var answer = http.send(request, HttpResponse.BodyHandlers.ofInputStream());
      if (answer.statusCode() != 200) throw new IOException(answer.toString());
      try (var body = answer.body()) {
        long count = 0;
        for (var n = drain(body, slowly); n > 0; n = drain(body, slowly)) count += n;
        return count;
      }
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
    for (var each : processes) sum += status(each, "VmRSS:");
    return sum;
  }

  private static double status(ProcessHandle process, String field) throws IOException {
    var status = Path.of("/proc/" + process.pid() + "/status");
    if (!Files.exists(status)) return Double.NaN;
    for (var line : Files.readAllLines(status)) {
      if (line.startsWith(field)) return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
    }
    return 0; // it has ended meanwhile
  }

  private static String reply(String id, String result) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}".formatted(id, result);
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
              ? INITIALIZED
              : "{\"content\":[{\"type\":\"text\",\"text\":\"hello\"}]}";
      var id = body.replaceFirst("(?s).*\"id\":(\"[^\"]*\"|\\d+).*", "$1");
      var reply = reply(id, result).getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(200, reply.length);
      exchange.getResponseBody().write(reply);
    }
  }
}
