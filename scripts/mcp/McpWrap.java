///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Put any stdio MCP program behind HTTP: Streamable HTTP, and the protocol of fly mcp wrap.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/Settings.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/mcp/http/AccessGuard.java ../../lib/fly/mcp/http/JdkServer.java
//SOURCES ../../lib/fly/mcp/wrap/HttpBridge.java

import fly.FlyException;
import fly.Settings;
import fly.cli.Cli;
import fly.mcp.http.AccessGuard;
import fly.mcp.http.JdkServer;
import fly.mcp.wrap.HttpBridge;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
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
          + " --user; any one of them lets a client in.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#accessing-the-mcp"
    })
class McpWrap implements Callable<Integer> {
  @Mixin Cli cli;

  @Option(
      names = "--host",
      description = "Where it listens: 0.0.0.0 for everybody (default: ${DEFAULT-VALUE}).")
  String host = "127.0.0.1";

  @Option(
      names = "--port",
      defaultValue = "${env:PORT:-8080}",
      description = "The port ($$PORT, else 8080); 0 takes any free one.")
  int port;

  @Option(
      names = "--protocol",
      description = "${COMPLETION-CANDIDATES}; AUTO is told by each request (default).")
  HttpBridge.Protocol protocol = HttpBridge.Protocol.AUTO;

  @Option(names = "--bearer-token-file", description = "A file with the token that clients send.")
  Path tokenFile;

  @Option(names = "--user", description = "The user of basic authentication.")
  String user;

  @Option(names = "--allow-origin", description = "A web page's origin that may come.")
  Set<String> origins = Set.of();

  @Option(names = "--allow-host", description = "A name by which clients may call this server.")
  Set<String> hosts = Set.of();

  @Option(
      names = "--max-body",
      description = "Bytes that a request may have (default: ${DEFAULT-VALUE}).")
  long maxBody = 64 << 20;

  @Option(names = "--idle", description = "How long an unused session is kept (default: 30m).")
  Duration idle = Duration.ofMinutes(30);

  @Option(names = "--heartbeat", description = "How long a stream may be silent (default: 15s).")
  Duration heartbeat = Duration.ofSeconds(15);

  @Option(names = "--shared", description = "One program for all sessions, instead of one each.")
  boolean shared;

  @Option(
      names = "--restart",
      description = "Start a program again that has ended by itself, on the next request.")
  boolean restart;

  @Parameters(arity = "1..*", paramLabel = "COMMAND", description = "The program, after --.")
  List<String> command;

  /** Starts while the options are still read: a third of the time until the first reply. */
  private Process first;

  private volatile boolean taken;

  public static void main(String... args) {
    var wrap = new McpWrap();
    wrap.startEarly(List.of(args));
    Cli.main(wrap, args);
  }

  private void startEarly(List<String> args) {
    var dashes = args.indexOf("--");
    if (dashes < 0 || dashes + 1 == args.size()) return;
    try {
      first = HttpBridge.launch(args.subList(dashes + 1, args.size()));
    } catch (IOException e) {
      return; // told when the options are read
    }
    Runtime.getRuntime().addShutdownHook(new Thread(this::endUnlessTaken));
  }

  private void endUnlessTaken() {
    if (!taken) HttpBridge.discard(first);
  }

  @Override
  public Integer call() throws InterruptedException {
    var address = address();
    var guard =
        new AccessGuard(
            token(), user(), password(), address.getAddress().isLoopbackAddress(), origins, hosts);
    var config =
        new HttpBridge.Config(
            command,
            protocol,
            guard,
            maxBody,
            idle,
            heartbeat,
            Duration.ofSeconds(2),
            shared,
            restart,
            line -> cli.say("%s", line),
            line -> {
              if (cli.verbose) cli.say("%s", line);
            });
    try (var bridge = start(config)) {
      Runtime.getRuntime().addShutdownHook(new Thread(bridge::close));
      var server = serve(address, bridge);
      var name = host.contains(":") ? "[" + host + "]" : host;
      cli.out().println("http://" + name + ":" + server.getAddress().getPort() + "/");
      cli.out().flush();
      if (guard.isOpen() && !guard.loopback()) {
        cli.warn("whoever reaches this port may use the server: it asks for no credentials");
      }
      var code = bridge.await();
      bridge.close(); // before the server cuts its streams
      server.stop(0);
      return code;
    }
  }

  private HttpBridge start(HttpBridge.Config config) {
    try {
      if (first == null) return new HttpBridge(config);
      taken = true;
      return new HttpBridge(config, first);
    } catch (IOException e) {
      throw new FlyException(
          "the program cannot be started",
          e.getMessage(),
          "look at what stands after --; a line for the shell goes as -- sh -c 'LINE'");
    }
  }

  private com.sun.net.httpserver.HttpServer serve(InetSocketAddress address, HttpBridge bridge) {
    try {
      return JdkServer.serve(address, bridge::handle);
    } catch (IOException e) {
      bridge.close();
      throw new FlyException(
          "cannot listen on " + host + ":" + port, e.getMessage(), "--port 0 takes a free one");
    }
  }

  private InetSocketAddress address() {
    try {
      return new InetSocketAddress(InetAddress.getByName(host), port);
    } catch (UnknownHostException e) {
      throw FlyException.usage("there is no host " + host, "no such name", "--host 127.0.0.1");
    }
  }

  private String token() {
    if (tokenFile == null) return Settings.FLY_MCP_BEARER_TOKEN.get();
    try {
      var token = Files.readString(tokenFile).strip();
      if (!token.isEmpty()) return token;
      throw FlyException.usage(
          tokenFile + " holds no token", "it is empty", "write the token in it");
    } catch (IOException e) {
      throw FlyException.usage(
          "cannot read " + tokenFile, "no such file", "--bearer-token-file FILE");
    }
  }

  private String user() {
    return user == null ? Settings.lookup("FLY_MCP_USER") : user;
  }

  private String password() {
    var password = Settings.lookup("FLY_MCP_PASSWORD");
    if ((user() == null) == (password == null)) return password;
    if (user() == null) {
      throw FlyException.usage(
          "the password in FLY_MCP_PASSWORD has no user",
          "without one it would keep nobody out",
          "--user NAME, or unset FLY_MCP_PASSWORD");
    }
    throw FlyException.usage(
        "the user " + user() + " has no password",
        "an empty one lets everybody in",
        "export FLY_MCP_PASSWORD=...");
  }
}
