import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every fault of a server, for those that ask an MCP server: each request gets a reply or an error,
 * a call that may have had an effect is not sent again, and nothing waits for ever.
 */
@Tag("slow")
class McpFaultMatrixTest {
  private static final String SECRET = FakeFly.TOKEN; // some faults repeat it

  private static final Map<String, FaultyFly.Fault> FAULTS = Faults.all();
  private static final Set<FaultyFly.Fault> EDGE =
      Set.of(FAULTS.get("502"), FAULTS.get("503"), FAULTS.get("503 for long"));

  private static final Duration TIMEOUT = Duration.ofSeconds(1);

  /** The requests that meet the fault. */
  private static final Map<String, Predicate<FaultyFly.Sent>> MODES =
      Map.of("ALWAYS", request -> true, "CALL", McpFaultMatrixTest::isCall);

  private ExecutorService threads;

  @BeforeEach
  void start() {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
    System.setProperty("FLY_MCP_BEARER_TOKEN", SECRET);
    threads = Executors.newFixedThreadPool(12); // they wait most of the time
  }

  @AfterEach
  void end() {
    System.clearProperty("FLY_MCP_BEARER_TOKEN");
    threads.shutdownNow();
  }

  private static boolean isCall(FaultyFly.Sent request) {
    return request.body().contains("\"tools/call\"");
  }

  private interface Cell {
    String judge(FaultyFly fly, FaultyFly.Fault fault, Predicate<FaultyFly.Sent> requests)
        throws Exception;
  }

  private void each(Map<String, FaultyFly.Fault> faults, Cell cell) throws Exception {
    var verdicts = new LinkedHashMap<String, Future<String>>();
    for (var fault : faults.entrySet()) {
      for (var mode : MODES.entrySet()) {
        Callable<String> work =
            () -> {
              try (var fly = new FaultyFly()) {
                return cell.judge(fly, fault.getValue(), mode.getValue());
              } catch (AssertionError e) {
                return e.getMessage();
              }
            };
        verdicts.put(fault.getKey() + " / " + mode.getKey(), threads.submit(work));
      }
    }
    var wrong = new ArrayList<String>();
    for (var verdict : verdicts.entrySet()) {
      var text = verdict.getValue().get(2, TimeUnit.MINUTES);
      var line = verdict.getKey() + ": " + text.replace('\n', ' ');
      if (!text.isEmpty()) wrong.add(line.substring(0, Math.min(line.length(), 400)));
    }
    assertEquals("", String.join("\n", wrong));
  }

  private static String url(FaultyFly fly) {
    return fly.url() + "/edge/" + FaultyFly.APP + "/";
  }

  /**
   * A server may have done what it did not confirm, so that nobody asks for it again. A 502 or 503
   * is the edge's, which did not deliver the call: docs/mcp-proxy.md.
   */
  private static String twice(FaultyFly fly, FaultyFly.Fault fault) {
    var calls = fly.sent().stream().filter(McpFaultMatrixTest::isCall).count();
    return fault.acts() && calls > 1 && !EDGE.contains(fault)
        ? "sends a call " + calls + " times; "
        : "";
  }

  @Test
  void fly_call_mcp_explains_every_fault() throws Exception {
    each(FAULTS, (fly, fault, requests) -> call(fly, fault, requests, false));
  }

  @Test
  void fly_call_mcp_understands_answers_in_unusual_forms() throws Exception {
    var forms = Faults.unusual();
    forms.keySet().removeIf(name -> name.matches("gzip.*|UTF-16")); // MCP is UTF-8, and plain
    forms.remove("kept, closed"); // at the moment of a call it leaves open whether that came
    each(forms, (fly, fault, requests) -> call(fly, fault, requests, true));
  }

  private static String call(
      FaultyFly fly, FaultyFly.Fault fault, Predicate<FaultyFly.Sent> requests, boolean good) {
    fly.begin("started", fault, requests);
    var time = good ? "20s" : TIMEOUT.toSeconds() + "s";
    var result = Script.run(new CallMcp(), "--url", url(fly), "--timeout", time);

    var all = result.out() + result.err();
    if (all.contains(SECRET)) return "shows the token: " + all;
    if (all.contains("\tat ")) return "shows a stack trace: " + all;
    if (result.exit() == 0 && good) return twice(fly, fault);
    if (!Set.of(4, 10, 11, 12, 13).contains(result.exit()) || good) return "exit " + result + all;
    var explained =
        all.contains("error: ") && all.contains("\n  why: ") && all.contains("\n  try: ");
    return twice(fly, fault) + (explained ? "" : "is not explained: " + all);
  }

  @Test
  void fly_mcp_proxy_answers_each_request_whatever_the_server_does() throws Exception {
    each(FAULTS, McpFaultMatrixTest::proxy);
  }

  private static String proxy(
      FaultyFly fly, FaultyFly.Fault fault, Predicate<FaultyFly.Sent> requests) throws Exception {
    fly.begin("started", fault, requests);
    var headers = Map.of("Authorization", "Bearer " + SECRET);
    try (var bridge = Bridge.to(url(fly), headers, TIMEOUT)) {
      bridge.send(Bridge.INITIALIZE);
      var hello = bridge.next();
      if (hello.path("id").asInt(-1) != 0) return "no answer to initialize: " + hello;
      var text = hello.toString();
      if (hello.has("result")) {
        var reply = bridge.send(Bridge.INITIALIZED).call(1).next();
        if (reply.path("id").asInt() != 1) return "no answer to the call: " + reply;
        if (reply.path("result").isObject()) return "a result: " + reply;
        text = reply.toString();
      }
      var end = bridge.leave();
      var all = text + (end == null ? "" : "" + end) + List.copyOf(bridge.log);
      if (all.contains(SECRET)) return "shows the token: " + all;
      if (end != null && (end.tryNext.isEmpty() || end.why.isEmpty())) return "no try: " + end;
      return twice(fly, fault);
    }
  }
}
