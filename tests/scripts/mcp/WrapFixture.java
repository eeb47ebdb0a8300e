import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import fly.mcp.http.AccessGuard;
import fly.mcp.http.JdkServer;
import fly.mcp.wrap.BridgeConfig;
import fly.mcp.wrap.HttpBridge;
import fly.mcp.wrap.ProgramEnvironment;
import fly.mcp.wrap.StdioProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** A wrap in this JVM before a program of the test's choice. */
abstract class WrapFixture {

  static final String INITIALIZE =
      "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
          + "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}";

  /** Answers every request at once; costs no JVM. */
  static final List<String> SHELL_PROGRAM =
      List.of(
          "sh",
          "-c",
          "while read -r line; do id=${line#*\\\"id\\\":}; id=${id%%[,\\}]*};"
              + " echo \"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":$id,\\\"result\\\":{}}\"; done");

  @TempDir Path folder;
  final HttpClient client = Http.CLIENT;
  final ExecutorService threads = Executors.newCachedThreadPool();
  final List<String> log = Collections.synchronizedList(new ArrayList<>());
  final List<String> traced = Collections.synchronizedList(new ArrayList<>());
  AccessGuard guard = new AccessGuard(null, null, null, true, Set.of(), Set.of());
  BridgeConfig.Protocol protocol = BridgeConfig.Protocol.AUTO;
  Duration idle = Duration.ofMinutes(10);
  Duration heartbeat = Duration.ofMinutes(10);
  boolean shared;
  boolean restart = true;
  long bodyLimit = 100 << 20;
  HttpBridge bridge;
  JdkServer server;
  Process command;
  int port;

  @AfterEach
  void nothingStays() throws InterruptedException {
    if (command != null) {
      command.destroy();
      command.waitFor();
    }
    if (bridge != null) bridge.close();
    if (server != null) server.close();
    threads.shutdownNow();
    assertEquals(List.of(), programs());
  }

  /** A stdio program whose methods do what a test needs. */
  static final class Program {
    static List<String> command() {
      return List.of(
          java(),
          "-XX:TieredStopAtLevel=1",
          "-XX:+UseSerialGC",
          "-Dfile.encoding=UTF-8",
          "@" + Jvm.CLASS_PATH,
          Program.class.getName());
    }

    public static void main(String... args) throws Exception {
      var in =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
      String asked = null;
      for (var line = in.readLine(); line != null; line = in.readLine()) {
        var method = after(line, "\"method\":", ",");
        var id = after(line, "\"id\":", ",");
        if (method == null) {
          reply(asked, "\"answered\"");
          continue;
        }
        var at = line.indexOf("\"params\":");
        var params = at < 0 ? "null" : line.substring(at + 9, line.length() - 1);
        switch (method.replace("\"", "").replace("}", "")) {
          case "initialize" ->
              reply(id, "{\"protocolVersion\":\"2025-11-25\",\"serverInfo\":{\"name\":\"t\"}}");
          case "echo" -> reply(id, params);
          case "sleep" -> {
            Thread.sleep(Long.parseLong(params));
            reply(id, params);
          }
          case "burst" -> {
            for (var n = 0; n < Integer.parseInt(params); n++) {
              say(
                  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/n\",\"params\":{\"n\":"
                      + n
                      + "}}");
            }
            if (id != null) reply(id, "0");
          }
          case "progress" -> {
            say(
                "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
                    + "{\"progressToken\":"
                    + after(line, "\"progressToken\":", "}")
                    + ",\"progress\":1}}");
            reply(id, "0");
          }
          case "ask" -> {
            asked = id;
            say("{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"roots/list\"}");
            System.err.println("asked");
          }
          case "garbage" -> {
            say(params.replace("\"", ""));
            reply(id, "0");
          }
          case "wait" -> System.err.println("waiting");
          case "exit" -> {
            System.err.println("going");
            System.exit(Integer.parseInt(params));
          }
          default -> {}
        }
      }
    }

    private static String after(String line, String key, String end) {
      var at = line.indexOf(key);
      if (at < 0) return null;
      var to = line.indexOf(end, at);
      return line.substring(at + key.length(), to < 0 ? line.length() : to);
    }

    private static void reply(String id, String result) throws IOException {
      say("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":" + result + "}");
    }

    private static void say(String line) throws IOException {
      System.out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      System.out.flush();
    }
  }

  void wrap(List<String> command) throws IOException {
    bridge =
        new HttpBridge(
            new BridgeConfig(
                protocol,
                guard,
                bodyLimit,
                idle,
                heartbeat,
                Duration.ofMillis(200),
                shared,
                restart,
                log::add,
                traced::add),
            StdioProgram.source(command, ProgramEnvironment.inherited(), log::add));
    var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    server = JdkServer.serve(address, bridge::handle);
    port = server.port();
  }

  /** Starts the wrap by its command, in a JVM of its own with a heap of so many MB. */
  void wrapIn(int heap, List<String> program) throws IOException {
    var words = new ArrayList<>(List.of(command(program.toArray(String[]::new))));
    words.add(1, "-Xmx" + heap + "m");
    words.addAll(words.indexOf("--"), List.of("--max-body", String.valueOf(bodyLimit)));
    command = new Sh().with("FLY_MCP_BEARER_TOKEN", null).start(words.toArray(String[]::new));
    port = URI.create(reader(command.getInputStream()).readLine()).getPort();
  }

  static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  static String[] command(String... program) {
    return Stream.concat(
            Stream.of(
                java(),
                "-cp",
                System.getProperty("java.class.path"),
                "McpWrap",
                "--port",
                "0",
                "--"),
            Stream.of(program))
        .toArray(String[]::new);
  }

  List<String> programs() {
    return ProcessHandle.current()
        .children()
        .filter(ProcessHandle::isAlive)
        .map(process -> process.info().commandLine().orElse(""))
        .filter(
            line -> line.contains(Program.class.getName()) || line.contains("while read -r line"))
        .toList();
  }

  HttpRequest.Builder request() {
    var url = "http://localhost:" + port + "/";
    return HttpRequest.newBuilder(URI.create(url)).timeout(Await.LIMIT);
  }

  HttpRequest.Builder flyctl(String accept) {
    return request()
        .header("User-Agent", "mcp-bridge-client")
        .header("Content-Type", "application/json")
        .header("Accept", accept);
  }

  HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
    return client.send(request.build(), BodyHandlers.ofString());
  }

  HttpRequest.Builder streamable(String session) {
    var request = request().header("Accept", "application/json, text/event-stream");
    return session == null ? request : request.header("Mcp-Session-Id", session);
  }

  HttpRequest.Builder json(String session) {
    return streamable(session).header("Content-Type", "application/json");
  }

  String initialize() throws IOException, InterruptedException {
    var answer = post(null, INITIALIZE);
    assertEquals(200, answer.statusCode(), answer.body());
    return answer.headers().firstValue("mcp-session-id").orElseThrow();
  }

  HttpResponse<String> post(String session, String body) throws IOException, InterruptedException {
    var request = json(session).POST(BodyPublishers.ofString(body)).build();
    return client.send(request, BodyHandlers.ofString());
  }

  void refused(int status, int code, HttpRequest.Builder request, String body)
      throws IOException, InterruptedException {
    var answer =
        client.send(request.POST(BodyPublishers.ofString(body)).build(), BodyHandlers.ofString());
    assertEquals(status, answer.statusCode(), answer.body());
    var error = Fly.JSON.readTree(answer.body());
    assertEquals(code, error.at("/error/code").asInt(), answer.body());
    assertTrue(error.path("id").isNull() && error.has("jsonrpc"), answer.body());
  }

  HttpResponse<String> lines(String lines) throws IOException, InterruptedException {
    var request = request().header("Content-Type", "application/json");
    return client.send(
        request.POST(BodyPublishers.ofString(lines)).build(), BodyHandlers.ofString());
  }

  HttpResponse<InputStream> getLines() throws IOException, InterruptedException {
    var request = request().header("Accept", "application/json").GET().build();
    return client.send(request, BodyHandlers.ofInputStream());
  }

  /** The stream, once the wrap has noticed that its last reader has left. */
  HttpResponse<InputStream> getLinesAfterAnother() throws Exception {
    var answer = getLines();
    while (answer.statusCode() == 409) answer = getLines();
    return answer;
  }

  HttpResponse<String> healthz(String method) throws IOException, InterruptedException {
    var url = URI.create("http://localhost:" + port + "/healthz");
    var request = HttpRequest.newBuilder(url).method(method, BodyPublishers.noBody()).build();
    return client.send(request, BodyHandlers.ofString());
  }

  static String get(String session, String lastEvent) {
    return "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nMcp-Session-Id: "
        + session
        + (lastEvent == null ? "" : "\r\nLast-Event-ID: " + lastEvent)
        + "\r\n\r\n";
  }

  Socket raw(String head) throws IOException {
    var socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  int status(String headers) throws IOException {
    var body = INITIALIZE;
    try (var socket =
        raw(
            "POST / HTTP/1.1\r\n"
                + headers
                + "\r\nContent-Type: application/json\r\nAccept: application/json,"
                + " text/event-stream\r\nContent-Length: "
                + body.length()
                + "\r\n\r\n"
                + body)) {
      return Integer.parseInt(reader(socket.getInputStream()).readLine().split(" ")[1]);
    }
  }

  static void chunk(Socket socket, String text) throws IOException {
    var chunk = Integer.toHexString(text.length()) + "\r\n" + text + "\r\n";
    socket.getOutputStream().write(chunk.getBytes(StandardCharsets.US_ASCII));
  }

  static String call(Object id, String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"%s\",\"params\":%s}"
        .formatted(id, method, params);
  }

  /** The last event's. */
  static String data(HttpResponse<String> answer) {
    var body = answer.body();
    return body.substring(body.lastIndexOf("data: ") + 6).stripTrailing();
  }

  static BufferedReader reader(HttpResponse<InputStream> response) {
    return reader(response.body());
  }

  static BufferedReader reader(InputStream stream) {
    return new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
  }

  interface Action {
    void run() throws Exception;
  }

  static void quietly(Action action) {
    try {
      action.run();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  static void ask(Socket socket, String text) throws IOException {
    socket.setSoTimeout(Await.LIMIT_MS);
    socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
    socket.getOutputStream().flush();
  }
}
