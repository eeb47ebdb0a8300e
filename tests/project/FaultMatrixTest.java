import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Deadline;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every command that talks to the API, against every fault that a server can have. A cell is
 * recovered, explained by what, why and try, or wrong; the test prints the table.
 */
@Tag("slow")
class FaultMatrixTest {
  /** The part of real time that sockets wait; pauses take none. */
  private static final int SPEED = 8;

  private static final Duration DEADLINE = Duration.ofSeconds(2);
  private static final Duration GRACE = Duration.ofSeconds(8); // one second of a busy machine

  private static final Map<String, FaultyFly.Fault> FAULTS = faults();

  /** Faults before HTTP: addresses at which nobody answers, or nobody speaks TLS. */
  private static final List<String> CONNECTION =
      List.of("refused", "no host", "TLS closed", "TLS plain", "TLS reset", "TLS silent");

  /** Commands with arguments that end soon, and with a dependable result. */
  private static final Map<String, List<String>> ARGUMENTS =
      Map.ofEntries(
          Map.entry("fly-logs", List.of("--machine", FaultyFly.MACHINE)),
          Map.entry("fly-wait-machine", List.of(FaultyFly.MACHINE, "--timeout", "2s")),
          Map.entry("fly-exec", List.of("--machine", FaultyFly.MACHINE, "--", "ls")),
          Map.entry("fly-compare-starts", List.of("--runs", "1")),
          Map.entry("fly-cleanup", List.of("--confirm", FaultyFly.APP)),
          Map.entry("fly-create-fleet", List.of("--count", "2", "--regions", "iad")),
          Map.entry("fly-claim-machine", List.of("--owner", "ann", "--no-check")),
          Map.entry("fly-start-machine", List.of(FaultyFly.MACHINE)),
          Map.entry("fly-set-secrets", List.of("--stdin")));

  /** Asks an app only, with a time limit of its own: its faults are tested with the MCP client. */
  private static final String OF_APPS = "fly-call-mcp";

  private static final Map<String, FaultyFly.World> WORLDS =
      Map.ofEntries(
          Map.entry("fly-create-app", FaultyFly.World.NOTHING),
          Map.entry("fly-mcp-launch", FaultyFly.World.NOTHING),
          Map.entry("fly-allocate-ips", FaultyFly.World.EMPTY),
          Map.entry("fly-create-volume", FaultyFly.World.EMPTY),
          Map.entry("fly-create-machine", new FaultyFly.World(true, null, "", true, true)),
          Map.entry("fly-create-fleet", FaultyFly.World.EMPTY),
          Map.entry("fly-compare-starts", FaultyFly.World.EMPTY),
          Map.entry("fly-start-machine", new FaultyFly.World(true, "stopped", "", true, true)),
          Map.entry("fly-claim-machine", new FaultyFly.World(true, "suspended", "", true, true)),
          Map.entry(
              "fly-release-machine", new FaultyFly.World(true, "started", "ann", true, true)));

  private static final String ACTIONS =
      "fly-((start|stop|suspend|restart|destroy)-machine|(extend|snapshot|destroy)-volume"
          + "|release-ip|set-secrets)";

  @TempDir Path folder;

  private FaultyFly fly;
  private Map<String, String> elsewhere;
  private final List<ServerSocket> others = new ArrayList<>();

  @BeforeEach
  void start() throws IOException {
    fly = new FaultyFly();
    Deadline.clock(new FastClock(SPEED));
    elsewhere =
        Map.of(
            "refused", "http://127.0.0.1:1",
            "no host", "https://no-such-host.invalid",
            "TLS closed", other((line, out) -> {}),
            "TLS plain", other((line, out) -> refuse(out, 400)),
            "TLS reset", other((line, out) -> line.setSoLinger(true, 0)),
            "TLS silent", other((line, out) -> TimeUnit.SECONDS.sleep(3)));
  }

  @AfterEach
  void stop() throws IOException {
    Deadline.clock(null);
    fly.close();
    for (var other : others) other.close();
  }

  /** A server that reads the beginning of a TLS handshake and does this. */
  private String other(FaultyFly.Fault fault) throws IOException {
    var server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    others.add(server);
    daemon(
        () -> {
          while (!server.isClosed()) {
            try {
              var line = server.accept();
              daemon(
                  () -> {
                    try (line) {
                      line.getInputStream().read(new byte[100]);
                      fault.answer(line, line.getOutputStream());
                    } catch (IOException | InterruptedException e) {
                      // the client is gone
                    }
                  });
            } catch (IOException e) {
              return;
            }
          }
        });
    return "https://127.0.0.1:" + server.getLocalPort();
  }

  private static void daemon(Runnable work) {
    var thread = new Thread(work, "fault-matrix");
    thread.setDaemon(true);
    thread.start();
  }

  private static Map<String, FaultyFly.Fault> faults() {
    var faults = new LinkedHashMap<String, FaultyFly.Fault>();
    // of the connection
    faults.put("FIN", (line, out) -> {});
    faults.put("FIN unread", FaultyFly.Fault.idle((line, out) -> {}));
    faults.put("RST", (line, out) -> line.setSoLinger(true, 0));
    faults.put("garbage", (line, out) -> raw(out, "SSH-2.0-OpenSSH_9.6\r\n"));
    faults.put("head cut", (line, out) -> raw(out, "HTTP/1.1 200 OK\r\nContent-Le"));
    // of time
    faults.put("silence", (line, out) -> line.getInputStream().read());
    faults.put(
        "late silence",
        (line, out) -> {
          raw(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
          line.getInputStream().read(); // until the client is gone
        });
    faults.put(
        "byte a second",
        (line, out) -> {
          raw(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
          for (int i = 0; i < 100; i++) {
            Thread.sleep(1000 / SPEED);
            raw(out, " ");
          }
        });
    // of the body
    faults.put(
        "cut", (line, out) -> raw(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":1"));
    faults.put(
        "no last chunk",
        (line, out) ->
            raw(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n"));
    faults.put(
        "broken gzip",
        (line, out) ->
            FaultyFly.answer(out, 200, "application/json", "x", "Content-Encoding: gzip"));
    faults.put("no length", (line, out) -> raw(out, "HTTP/1.1 200 OK\r\n\r\n[]"));
    faults.put(
        "too long",
        (line, out) -> raw(out, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n["));
    faults.put("empty 200", good(""));
    faults.put("204", (line, out) -> raw(out, "HTTP/1.1 204 No Content\r\n\r\n"));
    faults.put("null", good("null"));
    faults.put("\"ok\"", good("\"ok\""));
    faults.put("[]", good("[]"));
    faults.put("{}", good("{}"));
    faults.put("half JSON", good("{\"id\":\"148e\",\"sta"));
    faults.put(
        "HTML", (line, out) -> FaultyFly.answer(out, 200, "text/html", "<html><p>Log in</html>"));
    faults.put("GraphQL error", good("{\"errors\":[{\"message\":\"it broke\"}]}"));
    // of the status
    for (var status : List.of(301, 302, 307)) {
      var where = "Location: http://127.0.0.1:9/?" + FakeFly.TOKEN;
      faults.put("" + status, idle(status, "", where));
    }
    for (var status : List.of(400, 401, 403, 404, 405, 407, 409, 412, 413, 422)) {
      faults.put("" + status, idle(status, "{\"error\":\"it broke: " + FakeFly.TOKEN + "\"}"));
    }
    faults.put("429", idle(429, "{\"error\":\"slow down\"}", "Retry-After: 1"));
    faults.put("429 for long", idle(429, "{\"error\":\"slow down\"}", "Retry-After: 9999"));
    for (var status : List.of(408, 500, 502, 503, 504)) {
      faults.put("" + status, (line, out) -> refuse(out, status));
    }
    return faults;
  }

  private static FaultyFly.Fault good(String body) {
    return (line, out) -> FaultyFly.answer(out, 200, "application/json", body);
  }

  private static FaultyFly.Fault idle(int status, String body, String... headers) {
    return FaultyFly.Fault.idle(
        (line, out) -> FaultyFly.answer(out, status, "application/json", body, headers));
  }

  private static void refuse(OutputStream out, int status) throws IOException {
    FaultyFly.answer(out, status, "application/json", "{\"error\":\"it broke\"}");
  }

  private static void raw(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  /** The requests that meet the fault. */
  private enum Mode {
    ONCE,
    WRITE,
    ALWAYS;

    Predicate<FaultyFly.Sent> requests() {
      var met = new AtomicInteger();
      return request ->
          switch (this) {
            case ONCE -> met.getAndIncrement() == 0;
            case WRITE -> request.write() && met.getAndIncrement() == 0;
            case ALWAYS -> true;
          };
    }
  }

  /** All commands with a deadline; MATRIX_ONLY in the environment selects some of them. */
  private static List<String> commands() throws Exception {
    var commands = new ArrayList<String>();
    var only = System.getenv().getOrDefault("MATRIX_ONLY", ".*");
    for (var alias : EachCommand.aliases()) {
      if (!alias.matches(only) || alias.equals(OF_APPS)) continue;
      if (EachCommand.options(alias).contains("--deadline")) commands.add(alias);
    }
    return commands;
  }

  private String[] arguments(String alias) throws Exception {
    var words =
        new ArrayList<>(
            ARGUMENTS.containsKey(alias) ? ARGUMENTS.get(alias) : EachCommand.words(alias));
    words.replaceAll(word -> word.replaceFirst("^mcp-demo-[0-9a-f]+$", FaultyFly.APP));
    words.addAll(0, List.of("--deadline", DEADLINE.toSeconds() + "s"));
    if (alias.equals("fly-mcp-launch")) {
      var token = folder.resolve("token").toString();
      words.addAll(0, List.of("--no-config", "--timeout", "2s", "--bearer-token-file", token));
    }
    return words.toArray(String[]::new);
  }

  private record Cell(Script.Result result, Duration took) {}

  private Cell run(String alias, String fault, Mode mode) throws Exception {
    Script.settings(elsewhere.getOrDefault(fault, fly.url()), FakeFly.TOKEN);
    var world = WORLDS.getOrDefault(alias, FaultyFly.World.USUAL);
    var met = FAULTS.get(fault);
    fly.begin(world, met, met == null ? sent -> false : mode.requests());
    var script = EachCommand.script(alias);
    var words = arguments(alias);
    var start = Deadline.clock().nanos();
    var result =
        CompletableFuture.supplyAsync(() -> Script.runWithInput("API_KEY=x\n", script, words))
            .get(30, TimeUnit.SECONDS);
    return new Cell(result, Duration.ofNanos(Deadline.clock().nanos() - start));
  }

  /** The most things, and those that are left, of each command without a fault. */
  private final Map<String, Integer> most = new LinkedHashMap<>();

  /** "recovered" or "explained", or the reason why the cell is wrong. */
  private String judge(String alias, String fault, Mode mode) throws Exception {
    Cell cell;
    try {
      cell = run(alias, fault, mode);
    } catch (TimeoutException e) {
      return "does not end";
    } catch (ExecutionException e) {
      return "throws " + e.getCause();
    }
    var out = cell.result.out();
    var err = cell.result.err();
    if ((out + err).contains(FakeFly.TOKEN)) return "shows the token";
    if ((out + err).contains("\tat ")) return "shows a stack trace: " + first(err);
    if (fly.most() > most.getOrDefault(alias, Integer.MAX_VALUE)) return "creates twice";
    if (cell.took.compareTo(DEADLINE.plus(GRACE)) > 0) {
      return "over its deadline: %.1f s".formatted(cell.took.toMillis() / 1000.0);
    }
    if (cell.result.exit() == 0) {
      var allowed = mode != Mode.ALWAYS || fault.isEmpty() || trueAnswer(alias, fault);
      return allowed ? "recovered" : "exit 0: " + (out + err).strip().replace('\n', ' ');
    }
    if (!err.contains("error: ")) return "no error line: " + cell.result.exit() + " " + first(err);
    if (!err.contains("\n  why: ")) return "no why line: " + first(err);
    if (!err.contains("\n  try: ")) return "no try line: " + first(err);
    if (!Set.of(1, 4, 5).contains(cell.result.exit())) {
      return "exit code " + cell.result.exit() + ": " + first(err);
    }
    return "explained";
  }

  /** Answers that may be true each time, or that are the result of the raw request. */
  private static boolean trueAnswer(String alias, String fault) {
    if (alias.equals("fly-api")) return !fault.matches("[345]\\d\\d.*|refused|no host|TLS.*");
    return switch (fault) {
      case "404" -> alias.equals("fly-cleanup"); // the app is gone
      case "[]" -> alias.matches("fly-(list-(machines|volumes)|fleet-status)");
      case "{}" -> alias.matches("fly-(wait-machine|exec)|" + ACTIONS);
      case "empty 200", "204" -> alias.matches(ACTIONS); // the status says that it is done
      default -> false;
    };
  }

  private static String first(String err) {
    return err.lines().filter(line -> line.contains("error: ")).findFirst().orElse(err).strip();
  }

  @Test
  void every_fault_is_recovered_from_or_explained() throws Exception {
    var table = new StringBuilder();
    var wrong = new ArrayList<String>();
    var totals = new LinkedHashMap<Character, Integer>();
    var all = new ArrayList<>(FAULTS.keySet());
    all.addAll(CONNECTION);
    for (var alias : commands()) {
      var none = judge(alias, "", Mode.ALWAYS);
      if (!none.equals("recovered")) wrong.add(alias + " without a fault: " + none);
      most.put(alias, fly.most());
      var writes = fly.sent().stream().anyMatch(FaultyFly.Sent::write);
      for (var mode : Mode.values()) {
        table.append("%-20s %-6s ".formatted(alias, mode));
        for (var fault : all) {
          var outside = CONNECTION.contains(fault) && mode != Mode.ALWAYS;
          var verdict = outside || mode == Mode.WRITE && !writes ? "." : judge(alias, fault, mode);
          if (verdict.startsWith("over ")) verdict = judge(alias, fault, mode); // a busy machine?
          var letter = verdict.matches("\\.|recovered|explained") ? verdict.charAt(0) : 'W';
          table.append(letter);
          totals.merge(letter, 1, Integer::sum);
          if (letter == 'W') wrong.add("%s / %s / %s: %s".formatted(alias, fault, mode, verdict));
        }
        table.append('\n');
      }
    }
    System.out.println("Faults, from the left: " + String.join(", ", all));
    System.out.println(table + "r recovered, e explained, W wrong: " + totals);
    assertTrue(totals.get('r') > 0 && totals.get('e') > 0, "nothing was tried");
    assertEquals("", String.join("\n", wrong));
  }
}
