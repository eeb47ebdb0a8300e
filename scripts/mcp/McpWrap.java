///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Put any stdio MCP program behind HTTP: Streamable HTTP, and the protocol of fly mcp wrap.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Terminal.java
//SOURCES ../../lib/fly/mcp/wrap/BridgeConfig.java ../../lib/fly/mcp/wrap/WrapMain.java
//SOURCES ../../lib/fly/mcp/wrap/WrapOptions.java ../../lib/fly/mcp/wrap/WrapServer.java

import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Terminal;
import fly.mcp.wrap.BridgeConfig;
import fly.mcp.wrap.WrapMain;
import fly.mcp.wrap.WrapOptions;
import fly.mcp.wrap.WrapServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-mcp-wrap",
    header = "fly-mcp-wrap -- npx -f @modelcontextprotocol/server-filesystem /data",
    description =
        "Put any stdio MCP program behind HTTP: Streamable HTTP, and the protocol of fly mcp wrap.",
    footer = {
      "%nCredentials: FLY_MCP_BEARER_TOKEN or --bearer-token-file, and FLY_MCP_PASSWORD with"
          + " --user; any one of them lets a client in. FLY_MCP_PRIVATE=true is --private.",
      "%nThe program gets this environment without FLY_MCP_* and Fly.io's tokens.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#accessing-the-mcp"
    })
class McpWrap implements Callable<Integer> {
  @Mixin Cli cli;
  private final WrapOptions options = new WrapOptions();
  private FlyException failure;
  private final WrapServer server =
      new WrapServer(url -> cli.out().println(url), line -> cli.say("%s", line));

  @Option(names = "--host", description = "Address to listen on (default: 127.0.0.1).")
  void host(String host) {
    options.host = host;
  }

  @Option(names = "--port", description = "Port ($$PORT, else 8080); 0 takes any free port.")
  void port(int port) {
    options.port = port;
  }

  @Option(names = "--protocol", description = "${COMPLETION-CANDIDATES}; AUTO by each request.")
  void protocol(BridgeConfig.Protocol protocol) {
    options.protocol = protocol;
  }

  @Option(names = "--bearer-token-file", description = "A file with the token that clients send.")
  void tokenFile(Path file) {
    options.tokenFile = file;
  }

  @Option(names = "--user", description = "The user of basic authentication.")
  void user(String user) {
    options.user = user;
  }

  @Option(names = "--private", description = "Refuse clients outside Fly.io's private network.")
  void onlyPrivate(boolean isPrivate) {
    options.isPrivate = isPrivate;
  }

  @Option(names = "--allow-origin", description = "A web page's origin that may use this server.")
  void origins(List<String> origins) {
    options.origins.addAll(origins);
  }

  @Option(names = "--allow-host", description = "A further name of this server.")
  void hosts(List<String> hosts) {
    options.hosts.addAll(hosts);
  }

  @Option(names = "--max-body", description = "Most bytes in a request (default: 67108864).")
  void maxBody(long bytes) {
    options.maxBody = bytes;
  }

  @Option(names = "--idle", description = "Lifetime of an unused session (default: 30m).")
  void idle(Duration idle) {
    options.idle = idle;
  }

  @Option(names = "--heartbeat", description = "Longest silence on a stream (default: 15s).")
  void heartbeat(Duration heartbeat) {
    options.heartbeat = heartbeat;
  }

  @Option(names = "--shared", description = "One program for all sessions, instead of one each.")
  void shared(boolean shared) {
    options.shared = shared;
  }

  @Option(names = "--restart", description = "Start an ended program again, on the next request.")
  void restart(boolean restart) {
    options.restart = restart;
  }

  @Option(names = "--clean-env", description = "The program gets PATH, HOME, LANG and --env only.")
  void cleanEnvironment(boolean clean) {
    options.cleanEnvironment = clean;
  }

  @Option(names = "--env", description = "With --clean-env: a further variable; may be repeated.")
  void environment(List<String> names) {
    options.environment.addAll(names);
  }

  @Parameters(arity = "1..*", paramLabel = "COMMAND", description = "The program, after --.")
  void command(List<String> command) {
    options.command = command;
  }

  /** Picocli is for people: its classes take as long as the rest of the start. */
  public static void main(String... args) throws InterruptedException {
    FlyException failure = null;
    if (!Terminal.out() && !Terminal.err()) {
      var options = WrapOptions.of(args);
      try {
        if (options.isPresent()) System.exit(WrapMain.serve(options.get()));
      } catch (FlyException e) {
        failure = e;
      }
    }
    var wrap = new McpWrap();
    wrap.failure = failure;
    Cli.main(wrap, args);
  }

  @Override
  public Integer call() throws InterruptedException {
    if (failure != null) throw failure;
    options.verbose = cli.verbose;
    return server.run(options);
  }
}
