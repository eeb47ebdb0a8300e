import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Deadline;
import fly.FlyException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every command that talks to the API, against every fault that a server can have. A cell is
 * recovered, explained by what, why and try, or wrong; the test prints the table.
 */
@Tag("slow")
class FaultMatrixTest {
  private static final Duration DEADLINE = Duration.ofSeconds(2);

  /** Deadline of a command that meets no fault; it never ends by it. */
  private static final Duration NO_HURRY = Duration.ofHours(1);

  /** Two seconds of a busy machine, and below the time limit of a socket. */
  private static final Duration GRACE = Duration.ofSeconds(16);

  private static final Map<String, FaultyFly.Fault> FAULTS = Faults.all();

  /** Something before HTTP that fails. */
  private record Place(String url, String proxy) {}

  private static final Map<String, FaultyFly.Fault> FORMS = new LinkedHashMap<>(Faults.unusual());

  static {
    FORMS.putAll(Faults.types());
    FORMS.putAll(Faults.untrue());
  }

  /** Faults that take their time, and commands of each kind of request that meet them. */
  private static final Set<String> SLOW =
      Set.of("switches", "slow head", "byte a second", "gzip bomb", "proxy silent");

  /** Refusals that are decided as 403 and 429 are. */
  private static final Set<String> ALIKE =
      Set.of(
          "402", "405", "412", "413", "423", "425", "426", "451", "429 past", "429 NaN", "429 -1");

  private static final String KINDS =
      "fly-(api|list-machines|create-(machine|volume)|allocate-ips|start-machine|wait-machine"
          + "|exec|logs)";

  /** Commands with arguments that end soon, and with a dependable result. */
  private static final Map<String, List<String>> ARGUMENTS =
      Map.ofEntries(
          Map.entry("fly-logs", List.of("--machine", FaultyFly.MACHINE)),
          Map.entry("fly-wait-machine", List.of(FaultyFly.MACHINE, "--timeout", "LIMIT")),
          Map.entry("fly-exec", List.of("--machine", FaultyFly.MACHINE, "--", "ls")),
          Map.entry("fly-compare-starts", List.of("--runs", "1")),
          Map.entry("fly-cleanup", List.of("--confirm", FaultyFly.APP)),
          Map.entry("fly-create-fleet", List.of("--count", "2", "--regions", "iad")),
          Map.entry("fly-claim-machine", List.of("--owner", "ann", "--no-check")),
          Map.entry("fly-start-machine", List.of(FaultyFly.MACHINE)),
          Map.entry("fly-set-secrets", List.of("--stdin")));

  /** Asks an app only, with a time limit of its own: McpFaultMatrixTest. */
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

  private static final String CREATES = "fly-(create-(app|machine|volume)|allocate-ips)";

  @TempDir static Path folder;

  private static FaultyFly fly;
  private static final Map<String, Place> ELSEWHERE = new LinkedHashMap<>();
  private static final List<AutoCloseable> OTHERS = new ArrayList<>();

  @BeforeAll
  static void start() throws Exception {
    fly = new FaultyFly();
    ELSEWHERE.put("refused", new Place("http://127.0.0.1:1", ""));
    ELSEWHERE.put("no host", new Place("https://no-such-host.invalid", ""));
    ELSEWHERE.put("TLS closed", tls((line, out) -> {}));
    ELSEWHERE.put("TLS plain", tls((line, out) -> Faults.refuse(out, 400)));
    ELSEWHERE.put("TLS reset", tls((line, out) -> line.setSoLinger(true, 0)));
    ELSEWHERE.put("TLS alert", tls((line, out) -> out.write(new byte[] {21, 3, 3, 0, 2, 2, 40})));
    ELSEWHERE.put("TLS silent", tls((line, out) -> TimeUnit.SECONDS.sleep(3)));
    var tls = new Tls(folder).sign("expired", "ip:127.0.0.1", "-startdate -9d -validity 2");
    tls.sign("other", "dns:elsewhere.test", "").selfSign("unknown", "ip:127.0.0.1");
    System.setProperty("SSL_CERT_FILE", tls.authority.toString());
    for (var alias : List.of("expired", "other", "unknown")) {
      var server = tls.serve(alias, exchange -> exchange.close());
      OTHERS.add(() -> server.stop(0));
      ELSEWHERE.put(alias, new Place("https://127.0.0.1:" + server.getAddress().getPort(), ""));
    }
    ELSEWHERE.put("proxy gone", new Place("https://api.test", "http://127.0.0.1:1"));
    ELSEWHERE.put("proxy 200", proxy((line, out) -> Faults.refuse(out, 200)));
    ELSEWHERE.put("proxy 407", proxy((line, out) -> Faults.refuse(out, 407)));
    ELSEWHERE.put("proxy 502", proxy((line, out) -> Faults.refuse(out, 502)));
    ELSEWHERE.put("proxy FIN", proxy((line, out) -> {}));
    ELSEWHERE.put("proxy silent", proxy((line, out) -> TimeUnit.SECONDS.sleep(3)));
  }

  @BeforeEach
  void clock() {
    Deadline.clock(new FastClock(Faults.SPEED));
  }

  @AfterEach
  void noProxy() {
    System.clearProperty("HTTPS_PROXY");
  }

  @AfterAll
  static void stop() throws Exception {
    Deadline.clock(null);
    System.clearProperty("SSL_CERT_FILE");
    fly.close();
    for (var other : OTHERS) other.close();
    System.out.println("Faults, from the left: " + String.join(", ", all()));
    System.out.println(TABLE + "r recovered, e explained, W wrong");
  }

  private static List<String> all() {
    var all = new ArrayList<>(FAULTS.keySet());
    all.addAll(ELSEWHERE.keySet());
    return all;
  }

  private static Place tls(FaultyFly.Fault fault) throws IOException {
    return new Place("https://127.0.0.1:" + other(fault), "");
  }

  private static Place proxy(FaultyFly.Fault fault) throws IOException {
    return new Place("https://api.test", "http://127.0.0.1:" + other(fault));
  }

  /** A server that reads the beginning of a TLS handshake or a tunnel, and does this. */
  private static int other(FaultyFly.Fault fault) throws IOException {
    var server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    OTHERS.add(server);
    daemon(
        () -> {
          while (!server.isClosed()) {
            try {
              var line = server.accept();
              daemon(
                  () -> {
                    try (line) {
                      line.getInputStream().read(new byte[1000]);
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
    return server.getLocalPort();
  }

  private static void daemon(Runnable work) {
    var thread = new Thread(work, "fault-matrix");
    thread.setDaemon(true);
    thread.start();
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

  private String[] arguments(String alias, Duration deadline) throws Exception {
    var words =
        new ArrayList<>(
            ARGUMENTS.containsKey(alias) ? ARGUMENTS.get(alias) : EachCommand.words(alias));
    words.replaceAll(word -> word.replaceFirst("^mcp-demo-[0-9a-f]+$", FaultyFly.APP));
    var limit = deadline.toSeconds() + "s";
    words.addAll(0, List.of("--deadline", limit));
    if (alias.equals("fly-mcp-launch")) {
      var token = folder.resolve("token").toString();
      words.addAll(0, List.of("--no-config", "--timeout", "LIMIT", "--bearer-token-file", token));
    }
    words.replaceAll(word -> word.replaceFirst("^LIMIT$", limit));
    return words.toArray(String[]::new);
  }

  private record Cell(Script.Result result, Duration took) {}

  private Cell run(String alias, String fault, Mode mode) throws Exception {
    var place = ELSEWHERE.getOrDefault(fault, new Place(fly.url(), ""));
    Script.settings(place.url, FakeFly.TOKEN);
    System.setProperty("HTTPS_PROXY", place.proxy);
    var world = WORLDS.getOrDefault(alias, FaultyFly.World.USUAL);
    var met = FAULTS.getOrDefault(fault, FORMS.get(fault));
    fly.begin(world, met, met == null ? sent -> false : mode.requests());
    var script = EachCommand.script(alias);
    var good = fault.isEmpty() || Faults.unusual().containsKey(fault);
    var words = arguments(alias, good ? NO_HURRY : DEADLINE);
    var start = Deadline.clock().nanos();
    var result =
        Await.value(
            CompletableFuture.supplyAsync(() -> Script.runWithInput("API_KEY=x\n", script, words)));
    return new Cell(result, Duration.ofNanos(Deadline.clock().nanos() - start));
  }

  /** The most things, and those that are left, of each command without a fault. */
  private static final Map<String, Integer> MOST = new LinkedHashMap<>();

  private static final StringBuilder TABLE = new StringBuilder();

  /**
   * The verdict of {@link #judgeOnce}. On a busy machine a request of the cell before may arrive in
   * this one, and time passes: what is wrong because of that is right when it is done again.
   */
  private String judge(String alias, String fault, Mode mode) throws Exception {
    var verdict = judgeOnce(alias, fault, mode);
    for (var again = 0; again < 2 && verdict.matches("(?s)(over|denies|creates) .*"); again++) {
      verdict = judgeOnce(alias, fault, mode);
    }
    return verdict;
  }

  /** "recovered" or "explained", or the reason why the cell is wrong. */
  private String judgeOnce(String alias, String fault, Mode mode) throws Exception {
    Cell cell;
    try {
      cell = run(alias, fault, mode);
    } catch (ExecutionException e) {
      return "throws " + e.getCause();
    }
    var start = fly.atFirst();
    var out = cell.result.out();
    var err = cell.result.err();
    if ((out + err).contains(FakeFly.TOKEN)) return "shows the token";
    if ((out + err).contains("\tat ")) return "shows a stack trace: " + first(err);
    if (fly.most() > MOST.getOrDefault(alias, Integer.MAX_VALUE)) return "creates twice";
    var happened = fly.things() > start && cell.result.exit() == FlyException.REFUSED;
    if (happened && mode != Mode.ONCE && alias.matches(CREATES))
      return "denies what it created: " + err;
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
    if (alias.equals("fly-api"))
      return !fault.matches(
          "[345]\\d\\d.*|999|refused|no host|TLS.*|expired|other|unknown|proxy.*");
    return switch (fault) {
      case "404" -> alias.equals("fly-cleanup"); // the app is gone
      case "[]" -> alias.matches("fly-(list-(machines|volumes)|fleet-status)");
      case "{}", "id 7" ->
          alias.matches("fly-(wait-machine|exec)|" + ACTIONS)
              || fault.equals("id 7") && alias.equals("fly-create-app");
      case "empty 200", "204" -> alias.matches(ACTIONS); // the status says that it is done
      default -> false;
    };
  }

  private static String first(String err) {
    return err.lines().filter(line -> line.contains("error: ")).findFirst().orElse(err).strip();
  }

  /** One row of the table for each mode. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("commands")
  void every_fault_is_recovered_from_or_explained(String alias) throws Exception {
    var wrong = new ArrayList<String>();
    var tried = new StringBuilder();
    assertEquals("recovered", judge(alias, "", Mode.ALWAYS), "without a fault");
    MOST.put(alias, fly.most());
    var writes = fly.sent().stream().anyMatch(FaultyFly.Sent::write);
    for (var mode : Mode.values()) {
      var row = new StringBuilder();
      for (var fault : all()) {
        var outside =
            (ELSEWHERE.containsKey(fault) || ALIKE.contains(fault)) && mode != Mode.ALWAYS
                || SLOW.contains(fault) && !alias.matches(KINDS);
        var verdict = outside || mode == Mode.WRITE && !writes ? "." : judge(alias, fault, mode);
        var letter = verdict.matches("\\.|recovered|explained") ? verdict.charAt(0) : 'W';
        row.append(letter);
        if (letter == 'W') wrong.add("%s / %s: %s".formatted(fault, mode, verdict));
      }
      TABLE.append("%-20s %-6s %s%n".formatted(alias, mode, row));
      tried.append(row);
    }
    assertEquals("", String.join("\n", wrong));
    assertTrue(tried.indexOf("r") >= 0 && tried.indexOf("e") >= 0, "nothing was tried");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("commands")
  void a_right_answer_in_an_unusual_form_is_understood(String alias) throws Exception {
    var wrong = new ArrayList<String>();
    for (var form : Faults.unusual().keySet()) {
      if (alias.equals("fly-mcp-launch") && form.matches("gzip.*|UTF-16")) continue; // not in MCP
      var result = run(alias, form, Mode.ALWAYS).result;
      if (result.exit() != 0) wrong.add(form + ": " + result.err());
    }
    assertEquals("", String.join("\n", wrong));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("commands")
  void values_of_types_that_nobody_documents_break_no_command(String alias) throws Exception {
    var wrong = new ArrayList<String>();
    for (var type : Faults.types().keySet()) {
      var verdict = judge(alias, type, Mode.ALWAYS);
      if (verdict.startsWith("exit 0: ")) continue; // it needed none of these values
      if (alias.equals("fly-exec") && verdict.startsWith("no error line")) continue; // its code
      if (!verdict.matches("explained|recovered")) wrong.add(type + ": " + verdict);
    }
    assertEquals("", String.join("\n", wrong));
  }

  /** Text of an untrue answer that no command may take for a result. */
  private static final Pattern UNTRUE =
      Pattern.compile("\\.\\./x|\"\\.\\.\"|a(\\\\n|\n)b|null\\s*]");

  /** They print ids that nobody puts into a path. */
  private static final String NO_IDS = "fly-(api|create-app|allocate-ips|list-apps)|" + ACTIONS;

  @ParameterizedTest(name = "{0}")
  @MethodSource("commands")
  void an_untrue_answer_makes_nothing_twice_and_is_no_result(String alias) throws Exception {
    var wrong = new ArrayList<String>();
    assertEquals("recovered", judge(alias, "", Mode.ALWAYS), "without a fault");
    MOST.put(alias, fly.most());
    var writes = fly.sent().stream().anyMatch(FaultyFly.Sent::write);
    for (var fault : Faults.untrue().keySet()) {
      for (var mode : writes ? List.of(Mode.ALWAYS, Mode.WRITE) : List.of(Mode.ALWAYS)) {
        var verdict = judge(alias, fault, mode);
        var harmless = !UNTRUE.matcher(verdict).find() || alias.matches(NO_IDS);
        if (verdict.startsWith("exit 0: ") && harmless) continue;
        if (!verdict.matches("explained|recovered")) {
          wrong.add(fault + " / " + mode + ": " + verdict);
        }
      }
    }
    assertEquals("", String.join("\n", wrong));
  }

  /** Some requests of fly-doctor: the first goes without a token, and any answer will do. */
  private static final List<String> CHECKS =
      List.of("/v1/apps", "/v1/tokens", "/v1/apps/mcp-demo/volumes", "/edge/");

  @Test
  void the_doctor_reports_every_fault_with_a_next_step() throws Exception {
    Deadline.clock(new FastClock(5 * Faults.SPEED)); // it waits up to 30 s
    var wrong = new ArrayList<String>();
    for (var check : CHECKS) {
      for (var fault : FAULTS.keySet()) {
        if (SLOW.contains(fault) || fault.equals("late silence")) continue;
        Script.settings(fly.url(), FakeFly.TOKEN);
        fly.begin(FaultyFly.World.USUAL, FAULTS.get(fault), sent -> sent.path().startsWith(check));
        judgeDoctor(check + " / " + fault, wrong);
      }
    }
    for (var place : ELSEWHERE.entrySet()) {
      Script.settings(place.getValue().url, FakeFly.TOKEN);
      System.setProperty("HTTPS_PROXY", place.getValue().proxy);
      judgeDoctor(place.getKey(), wrong);
    }
    assertEquals("", String.join("\n", wrong));
  }

  private static void judgeDoctor(String cell, List<String> wrong) {
    System.setProperty("FLY_MCP_BEARER_TOKEN", FakeFly.TOKEN);
    var result = Script.run(new Doctor());
    System.clearProperty("FLY_MCP_BEARER_TOKEN");
    var all = result.out() + result.err();
    var explained = result.err().contains("\n  why: ") && result.err().contains("\n  try: ");
    if (all.contains(FakeFly.TOKEN)) wrong.add(cell + ": the token");
    if (all.contains("\tat ") || all.contains("unexpected")) wrong.add(cell + ": " + all);
    if (result.exit() != 0 && !explained) wrong.add(cell + ": not explained: " + all);
    if (result.exit() == 0 && !all.contains("All is well")) wrong.add(cell + ": " + all);
  }

  @Test
  void a_snippet_of_fly_shell_fails_as_a_command_does() throws Exception {
    for (var fault : List.of("cut", "401", "429 for long", "expired")) {
      var place = ELSEWHERE.getOrDefault(fault, new Place(fly.url(), ""));
      Script.settings(place.url, FakeFly.TOKEN);
      fly.begin(FaultyFly.World.USUAL, FAULTS.get(fault), sent -> true);

      var result = Script.run(new Shell(), "-e", "fly.machines(app())");

      var err = result.err();
      assertEquals(fault.equals("401") ? 4 : 1, result.exit(), fault + ": " + err);
      assertTrue(err.contains("error: ") && err.contains("\n  why: "), fault + ": " + err);
      assertTrue(err.contains("\n  try: ") && !err.contains("\tat "), fault + ": " + err);
      assertFalse(err.contains(FakeFly.TOKEN), fault);
    }
  }
}
