///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION A local Fly.io that runs the guide's real MCP server.
//MAIN Sandbox
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/sandbox/SandboxConfig.java
//SOURCES ../../lib/fly/sandbox/SandboxProcess.java ../../lib/fly/sandbox/SandboxServer.java
//SOURCES ../../lib/fly/sandbox/api/Gatekeeper.java ../../lib/fly/sandbox/model/Guesses.java
//SOURCES ../../lib/fly/sandbox/runtime/ImageCommands.java ../mcp/FilesServer.java
//RUNTIME_OPTIONS -XX:TieredStopAtLevel=4

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxProcess;
import fly.sandbox.SandboxServer;
import fly.sandbox.api.Gatekeeper;
import fly.sandbox.model.Guesses;
import fly.sandbox.runtime.ImageCommands;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import kong.unirest.core.Unirest;
import kong.unirest.core.UnirestException;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "fly-sandbox",
    header = "fly-sandbox --start",
    description = "A local Fly.io that runs the guide's real MCP server.",
    footer = {
      "%nWithout --start it stays in the foreground until Ctrl-C. On stdout come the lines to"
          + " export:",
      "  eval \"$(./jbang fly-sandbox --start)\"",
      "%nIt listens on 127.0.0.1 only, and forgets all at its end; with --data it keeps"
          + " apps, Machines (those that ran, start again), volumes and secrets in DIR, over"
          + " kill -9 too."
    })
class Sandbox implements Callable<Integer> {
  /** How the detached process gets its token: never by its arguments, which everybody can see. */
  private static final String TOKEN = "FLY_SANDBOX_TOKEN";

  /** Set for the detached process, which keeps its story in a file once it has started. */
  private static final String DETACHED = "FLY_SANDBOX_DETACHED";

  @Spec CommandSpec spec;

  @Mixin Cli cli;

  @Option(
      names = "--port",
      description = "Where it listens; 0 takes any free port (default: ${DEFAULT-VALUE}).")
  int port = 4280;

  @Option(names = "--rate-limits", description = "Limit the rate of requests as Fly.io does: 429.")
  boolean rateLimits;

  @Option(
      names = "--latency",
      paramLabel = "TIMES",
      description = "How long things take: start=300ms,create=2s,api=20ms.")
  String latency = "";

  @Option(
      names = "--fault",
      paramLabel = "FAULT",
      description =
          "What goes wrong: 'METHOD PATH WHAT xTIMES', as 'POST /v1/apps/*/machines 503 x2'. WHAT"
              + " is a status, reset-before, reset-after (the effect), timeout or slow.")
  List<String> faults = List.of();

  @Option(
      names = "--idle",
      paramLabel = "TIME",
      description =
          "How long a Machine with autostop may be idle before it stops (default:"
              + " ${DEFAULT-VALUE}).")
  String idle = "5m";

  @Option(
      names = "--guess",
      paramLabel = "NAME=VALUE",
      description =
          "What Fly.io does where it is not known, instead of the likeliest; see --guesses.")
  Map<String, String> guesses = Map.of();

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Keep everything in this folder, for the next sandbox on it.")
  Path data;

  @Option(
      names = "--image",
      paramLabel = "NAME=COMMAND",
      description =
          "What Machines of an image run here: a line for the shell, whose program listens at the"
              + " port in $PORT. Images that are not named are state only, but for flyio/mcp.")
  Map<String, String> images = Map.of();

  /** What stands before the MCP servers of the image flyio/mcp. */
  enum Wrap {
    FLYCTL,
    OURS
  }

  @Option(
      names = "--wrap",
      paramLabel = "WHOSE",
      description =
          "What is before the MCP servers of flyio/mcp: flyctl, as on Fly.io (default), which drops"
              + " replies while nobody listens; or ours, fly-mcp-wrap, which keeps them and speaks"
              + " Streamable HTTP, too.")
  Wrap wrap = Wrap.FLYCTL;

  @ArgGroup Task task = new Task();

  static class Task {
    @Option(names = "--start", description = "Start it in the background.")
    boolean start;

    @Option(
        names = "--change",
        description = "Give the one on this port these rate limits, latencies and faults instead.")
    boolean change;

    @Option(names = "--stop", description = "Stop the one on this port.")
    boolean stop;

    @Option(names = "--guesses", description = "List what is not known, and what can be chosen.")
    boolean guesses;

    @Option(names = "--status", description = "Tell about the one on this port.")
    boolean status;
  }

  public static void main(String... args) {
    Cli.main(new Sandbox(), args);
  }

  @Override
  public Integer call() {
    if (port < 0 || port > 65_535) {
      throw FlyException.usage(
          "there is no port " + port, "ports go up to 65535", "--port 0 takes any free one");
    }
    if (task.start) return start();
    if (task.status) cli.print(status().orElseThrow(this::nobody));
    else if (task.guesses)
      cli.table(List.of("GUESS", "LIKELIEST", "ELSE", "ABOUT"), Guesses.table());
    else if (task.change) change();
    else if (task.stop) stop();
    else serve();
    return 0;
  }

  private void serve() {
    requireFreePort();
    var run = new LinkedHashMap<>(images);
    if (wrap == Wrap.OURS) run.put("flyio/mcp", ImageCommands.ourWrap());
    var config =
        new SandboxConfig(port, System.getenv(TOKEN), line -> cli.say("%s", line))
            .filesServer(FilesServer.class)
            .keep(data)
            .run(run);
    try (var sandbox = SandboxServer.start(config)) {
      sandbox.idle(idle);
      guesses.forEach(sandbox.guesses()::choose);
      sandbox.faults().rateLimits(rateLimits);
      sandbox.faults().latency(latency);
      sandbox.faults().faults(faults);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> end(sandbox)));
      sandbox
          .environment()
          .forEach((name, value) -> cli.out().printf("export %s='%s'%n", name, value));
      cli.out().println();
      var detached = System.getenv(DETACHED) != null;
      var log = sandbox.home().resolve("log");
      if (detached) tellTo(log);
      cli.say("A Fly.io of your own at %s%s.", sandbox.url(), detached ? "" : ", until Ctrl-C");
      cli.say("What is in it, live: %s/", sandbox.url());
      if (detached) cli.out().println(log); // whoever started it goes on
      sandbox.awaitStop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** From here on the story goes to a file: whoever started it, listens no more. */
  private void tellTo(Path log) {
    try {
      System.setErr(new PrintStream(Files.newOutputStream(log), true, StandardCharsets.UTF_8));
      spec.commandLine().setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Its folder goes, and the log in it: on Windows no open file can. */
  private static void end(SandboxServer sandbox) {
    if (System.getenv(DETACHED) != null) System.err.close();
    sandbox.close();
  }

  /**
   * Starts this same program in a session of its own, where no Ctrl-C of the terminal reaches it.
   *
   * @return the exit code: its own, where it ended instead
   */
  private int start() {
    requireFreePort();
    try {
      var command = new ArrayList<String>();
      if (Files.isExecutable(Path.of("/usr/bin/setsid"))) command.add("/usr/bin/setsid");
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of("-cp", System.getProperty("java.class.path"), "Sandbox"));
      command.addAll(List.of("--port", String.valueOf(port), "--latency", latency));
      command.addAll(List.of("--idle", idle));
      guesses.forEach((name, value) -> command.addAll(List.of("--guess", name + "=" + value)));
      command.addAll(List.of("--wrap", wrap.name()));
      if (rateLimits) command.add("--rate-limits");
      if (data != null) command.addAll(List.of("--data", data.toString()));
      images.forEach((name, run) -> command.addAll(List.of("--image", name + "=" + run)));
      for (var fault : faults) command.addAll(List.of("--fault", fault));
      var builder =
          new ProcessBuilder(command)
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
      builder.environment().put(DETACHED, "yes");
      var process = builder.start();
      var out = process.inputReader(StandardCharsets.UTF_8);
      var exports = SandboxProcess.firstParagraph(out);
      if (exports.isEmpty()) {
        process.errorReader(StandardCharsets.UTF_8).lines().forEach(cli.err()::println);
        return process.onExit().join().exitValue();
      }
      exports.forEach(cli.out()::println);
      var again = onPort();
      if (port == 0) port = SandboxProcess.portIn(exports);
      cli.say(
          "The sandbox runs in the background (process %d); its log is %s",
          process.pid(), out.readLine());
      cli.say("What is in it, live: %s/", url());
      cli.say("These lines are for: eval \"$(%s --start%s)\"", Hint.of("fly-sandbox"), again);
      cli.say("To end it: %s --stop%s", Hint.of("fly-sandbox"), onPort());
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void change() {
    if (status().isEmpty()) throw nobody();
    var change = Fly.JSON.createObjectNode().put("rate_limits", rateLimits).put("latency", latency);
    var list = change.putArray("faults");
    faults.forEach(list::add);
    var answer =
        Unirest.post(url() + "/sandbox/trouble")
            .header(Gatekeeper.CONTROL_HEADER, "change")
            .body(change.toString())
            .asString();
    try {
      var json = Fly.JSON.readTree(answer.getBody());
      if (!answer.isSuccess()) {
        throw FlyException.usage(
            "the sandbox does not take that",
            json.path("error").asText(),
            Hint.of("fly-sandbox") + " --help");
      }
      cli.print(json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void stop() {
    var pid = status().orElseThrow(this::nobody).path("pid").asLong();
    var process = ProcessHandle.of(pid);
    try {
      Unirest.post(url() + "/sandbox/stop").header(Gatekeeper.CONTROL_HEADER, "stop").asEmpty();
    } catch (UnirestException e) {
      if (!(e.getCause() instanceof IOException)) throw e;
      // It may stop before its answer has left.
    }
    process.ifPresent(sandbox -> sandbox.onExit().orTimeout(30, TimeUnit.SECONDS).join());
    cli.say("The sandbox on port %d has ended, and its Machines with it.", port);
  }

  /** What the sandbox on this port says of itself; empty where there is none. */
  private Optional<JsonNode> status() {
    try {
      var answer =
          Unirest.get(url() + "/sandbox")
              .header(Gatekeeper.CONTROL_HEADER, "status")
              .requestTimeout(10_000) // where the computer is busy
              .asString();
      var status = Fly.JSON.readTree(answer.getBody());
      return status.path("sandbox").asBoolean() ? Optional.of(status) : Optional.empty();
    } catch (UnirestException | IOException e) {
      return Optional.empty();
    }
  }

  private void requireFreePort() {
    if (port == 0 || !SandboxProcess.listens(port)) return;
    var other = status();
    if (other.isEmpty()) {
      throw new FlyException(
          "port " + port + " is taken",
          "some other program listens there",
          "another port: --port 0 takes any free one");
    }
    throw new FlyException(
        "a sandbox is running on port " + port + " already",
        "process %s, since %s"
            .formatted(other.get().path("pid"), other.get().path("started_at").asText()),
        "%s --stop%s, or --port 0 for one more".formatted(Hint.of("fly-sandbox"), onPort()));
  }

  private FlyException nobody() {
    return new FlyException(
        "no sandbox runs on port " + port,
        "nothing that answers like one is there",
        Hint.of("fly-sandbox") + " --start" + onPort());
  }

  private String onPort() {
    return port == 4280 ? "" : " --port " + port;
  }

  private String url() {
    return "http://127.0.0.1:" + port;
  }
}
