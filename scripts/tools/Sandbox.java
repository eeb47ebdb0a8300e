///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION A local Fly.io that runs the guide's real MCP server.
//MAIN Sandbox
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Options.java ../../lib/fly/sandbox/SandboxExports.java
//SOURCES ../../lib/fly/sandbox/SandboxLauncher.java ../../lib/fly/sandbox/SandboxOptions.java
//SOURCES ../../lib/fly/sandbox/SandboxProcess.java ../../lib/fly/sandbox/model/Guesses.java ../mcp/FilesServer.java

import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.sandbox.SandboxExports;
import fly.sandbox.SandboxLauncher;
import fly.sandbox.SandboxOptions;
import fly.sandbox.SandboxProcess;
import fly.sandbox.model.Guesses;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-sandbox",
    header = "fly-sandbox --start",
    description = "A local Fly.io that runs the guide's real MCP server.",
    footer = {
      "%nWithout --start it stays in the foreground until Ctrl-C. On stdout come the lines to"
          + " export:",
      "  eval \"$(./jbang fly-sandbox --start)\"",
      "If --start or --env fails, these lines make every later command refuse.",
      "%nIt listens on 127.0.0.1 only, and forgets all at its end; with --data it keeps apps,"
          + " Machines",
      "(those that ran, start again), volumes and secrets in DIR, over kill -9 too."
    })
class Sandbox implements Callable<Integer> {
  @Mixin Cli cli;

  @Mixin SandboxOptions options;
  @Mixin Options.Json json;

  @Option(
      names = "--port",
      description = "Where it listens; 0 takes any free port (default: ${DEFAULT-VALUE}).")
  int port = 4280;

  @ArgGroup Task task = new Task();

  static class Task {
    @Option(
        names = "--start",
        description = "Start it in the background, if it does not run already.")
    boolean start;

    @Option(
        names = "--env",
        description = "Print the lines to export once more, for another terminal.")
    boolean env;

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
    var stdout = new FileOutputStream(FileDescriptor.out);
    var exit = Cli.run(new Sandbox(), stdout, new FileOutputStream(FileDescriptor.err), args);
    if (exit != 0 && (List.of(args).contains("--start") || List.of(args).contains("--env"))) {
      SandboxExports.refuse(stdout);
    }
    System.exit(exit);
  }

  @Override
  public Integer call() {
    if (port < 0 || port > 65_535) {
      throw FlyException.usage(
          "there is no port " + port, "ports are 0 to 65535", "--port 0 takes any free one");
    }
    if (task.start) return start();
    if (task.env) SandboxProcess.require(port).exports().forEach(cli.out()::println);
    else if (task.status) cli.print(SandboxProcess.require(port).status());
    else if (task.guesses)
      cli.table(List.of("GUESS", "LIKELIEST", "ELSE", "ABOUT"), Guesses.table());
    else if (task.change) cli.print(SandboxProcess.require(port).change(options));
    else if (task.stop) stop();
    else {
      SandboxProcess.requireFree(port);
      launcher().serve(port, cli.out(), line -> cli.say("%s", line));
    }
    return 0;
  }

  private SandboxLauncher launcher() {
    return new SandboxLauncher(options, FilesServer.class);
  }

  /** Starts one, unless it runs already; returns the exit code. */
  private int start() {
    var running = SandboxProcess.starting(port);
    if (running.isEmpty()) {
      SandboxProcess.requireFree(port);
      var started = launcher().start(port, getClass());
      running = started.sandbox().or(() -> SandboxProcess.starting(port)); // by another start
      if (running.isEmpty()) {
        started.story().forEach(cli.err()::println);
        return started.exit();
      }
    }
    running.get().require(options);
    show(running.get());
    return 0;
  }

  private void show(SandboxProcess sandbox) {
    sandbox.exports().forEach(cli.out()::println);
    var log = sandbox.log() == null ? "" : "; its log is " + sandbox.log();
    cli.say("The sandbox runs in process %d%s", sandbox.pid(), log);
    cli.say("What is in it, live: %s", sandbox.page());
    cli.say("The lines are for: eval \"$(%s --start%s)\"", command(), sandbox.onPort());
    cli.say("For another terminal: eval \"$(%s --env%s)\"", command(), sandbox.onPort());
    cli.say("To end it: %s --stop%s", command(), sandbox.onPort());
  }

  private static String command() {
    return Hint.of("fly-sandbox");
  }

  private void stop() {
    SandboxProcess.require(port).stop();
    cli.say("The sandbox on port %d has ended, and its Machines with it.", port);
  }
}
