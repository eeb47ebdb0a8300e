//SOURCES ../scripts/mcp/FilesServer.java BenchBed.java BenchReport.java BenchStart.java
import java.io.IOException;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The whole guide on a running sandbox, in turn: by its own bash and curl, by our commands one by
 * one, and by fly-quickstart with a sandbox of its own: {@code bench guide [--runs N]}. One round
 * of each comes before, so that npm and the archives are warm.
 */
final class BenchGuide {
  /** Steps before the Machine's server is called, each with the variable that it sets, if any. */
  private static final Map<String, String> STEPS = new LinkedHashMap<>();

  static {
    STEPS.put("fly-select-org", "ORG");
    STEPS.put("fly-check-token", "");
    STEPS.put("fly-select-hostname", "FLY_API_HOSTNAME");
    STEPS.put("fly-name-app", "APP_NAME");
    STEPS.put("fly-create-app", "");
    STEPS.put("fly-allocate-ips", "");
    STEPS.put("fly-create-volume", "");
    STEPS.put("fly-create-machine", "");
  }

  private static final String PLACE = "name-of-the-app";
  private static final String LAST = "[DIR] lost+found";

  private final BenchReport report;
  private final BenchBed bed;
  private final String jbang = BenchBed.ROOT.resolve("jbang").toString();
  private final Map<String, List<Double>> times = new LinkedHashMap<>();
  private boolean counting;
  private String accessLines;

  private BenchGuide(BenchReport report, BenchBed bed) {
    this.report = report;
    this.bed = bed;
  }

  static void run(BenchReport report) throws Exception {
    var runs = Integer.parseInt(report.option("--runs", "3"));
    try (var bed = new BenchBed()) {
      new BenchGuide(report, bed).run(runs);
    }
  }

  private void run(int runs) throws Exception {
    var script = guide();
    accessLines = named("fly-call-mcp");
    for (int run = -1; run < runs; run++) {
      report.say(run < 0 ? "Warming up ..." : "Round %d ...", run + 1);
      counting = run >= 0;
      var plain = BenchStart.plain("fly-list-machines", "--app " + bed.app);
      time("plain jbang, one step with one call", () -> done(plain, bed.exports));
      time("sandbox", this::sandbox);
      byCurl(script, run);
      oneByOne();
      time("quickstart", () -> done(List.of(jbang, "fly-quickstart", "-q"), Map.of()));
    }
    var step = "the guide's nine steps, the MCP server's start apart";
    var whole = "the whole guide, the MCP server's start in it";
    var nine = median("nine steps");
    var plain = median("plain jbang, one step with one call");
    for (var alias : STEPS.keySet()) report.figure("step by step", alias, median(alias), "s");
    report.figure("step by step", "fly-call-mcp", median("fly-call-mcp"), "s");
    report.figure(step, "bash and curl", median("bash"), "s");
    report.figure(step, "./jbang, one by one", nine, "s");
    report.figure(step, "plain jbang, one step with one call", plain, "s");
    var most = 9 * BenchStart.CALL;
    report.mark(
        step,
        "one by one, of plain jbang's step",
        nine / plain,
        "",
        BenchReport.Side.AT_MOST,
        most);
    var bash = median("bash to the replies");
    var sandbox = median("sandbox");
    var quickstart = median("quickstart");
    report.figure(whole, "bash and curl on a running sandbox", bash, "s");
    report.figure(whole, "fly-sandbox --start", sandbox, "s");
    report.figure(whole, "fly-quickstart", quickstart, "s");
    report.mark(
        whole,
        "fly-quickstart, of bash and sandbox together",
        quickstart / (bash + sandbox),
        "",
        BenchReport.Side.AT_MOST,
        1.25);
  }

  private interface Work {
    void run() throws Exception;
  }

  private double time(String name, Work work) throws Exception {
    var begin = System.nanoTime();
    work.run();
    var seconds = (System.nanoTime() - begin) / 1e9;
    if (counting) times.computeIfAbsent(name, key -> new ArrayList<>()).add(seconds);
    return seconds;
  }

  private double median(String name) {
    return BenchReport.median(times.get(name));
  }

  private static String done(List<String> command, Map<String, String> environment)
      throws Exception {
    var builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().putAll(environment);
    var process = builder.start();
    process.getOutputStream().close();
    var out = BenchBed.text(process.getInputStream());
    if (process.waitFor() == 0) return out.strip();
    throw new IOException("%s ended with %d%n%s".formatted(command, process.exitValue(), out));
  }

  private void sandbox() throws Exception {
    int port;
    try (var socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    var command = List.of(jbang, "fly-sandbox", "--port", "" + port);
    var start = new ArrayList<>(command);
    start.add("--start");
    done(start, Map.of());
    var stop = new ArrayList<>(command);
    stop.add("--stop");
    BenchBed.daemon(
        () -> {
          try {
            done(stop, Map.of());
          } catch (Exception e) {
            report.say("%s", e);
          }
        });
  }

  /** The guide's lines: an export, a random name, and each step as its -n prints it. */
  private String guide() throws Exception {
    var lines = new StringBuilder("set -e\nexport ORG=personal\n");
    lines.append("uuid=$(uuidgen 2>/dev/null || cat /proc/sys/kernel/random/uuid)\n");
    lines.append("export APP_NAME=mcp-demo-$(echo $uuid | cut -d '-' -f 5 | tr A-Z a-z)\n");
    for (var step : List.of("create-app", "allocate-ips", "create-volume", "create-machine")) {
      lines.append(named("fly-" + step)).append("\n");
    }
    return lines.toString();
  }

  /** The command's curl, for the app {@value #PLACE}. */
  private String named(String alias) throws Exception {
    var environment = new HashMap<>(bed.exports);
    environment.put("APP_NAME", PLACE);
    return done(List.of(jbang, alias, "-n"), environment);
  }

  private void byCurl(String script, int run) throws Exception {
    var app = "bash-" + (run + 1);
    var lines = List.of("bash", "-c", script.replace(PLACE, app));
    var steps = time("bash, eight steps", () -> done(lines, bed.exports));
    var cold = time("bash, cold access", () -> access(app));
    var warm = time("bash, warm access", () -> access(app));
    remember("bash", steps + warm);
    remember("bash to the replies", steps + cold);
    remove(app);
  }

  private void remember(String name, double seconds) {
    if (counting) times.computeIfAbsent(name, key -> new ArrayList<>()).add(seconds);
  }

  /** "Simply run the script again" if no replies come: the Machine is starting. */
  private void access(String app) throws Exception {
    for (int again = 0; again < 60; again++) {
      var builder =
          new ProcessBuilder("bash", "-c", accessLines.replace(PLACE, app))
              .redirectError(ProcessBuilder.Redirect.DISCARD);
      if (BenchBed.text(builder.start().getInputStream()).contains(LAST)) return;
    }
    throw new IOException("the guide's own lines got no replies");
  }

  private void oneByOne() throws Exception {
    var environment = new HashMap<>(bed.exports);
    var sum = 0.0;
    for (var step : STEPS.entrySet()) {
      sum +=
          time(
              step.getKey(),
              () -> {
                var out = done(List.of(jbang, step.getKey(), "-q"), environment);
                if (!step.getValue().isEmpty()) environment.put(step.getValue(), out);
              });
    }
    var app = environment.get("APP_NAME");
    access(app); // until its server answers
    sum += time("fly-call-mcp", () -> done(List.of(jbang, "fly-call-mcp", "-q"), environment));
    remember("nine steps", sum);
    remove(app);
  }

  private void remove(String app) {
    bed.fly.delete("/v1/apps/{app}?force=true", app);
  }
}
