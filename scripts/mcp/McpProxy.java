///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Serve a remote MCP server to a local client: stdio here, HTTP there.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/Network.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Trust.java ../../lib/fly/mcp/check/ServerOptions.java
//SOURCES ../../lib/fly/mcp/proxy/Patience.java ../../lib/fly/mcp/proxy/ProxyLog.java
//SOURCES ../../lib/fly/mcp/proxy/StdioProxy.java

import fly.FlyException;
import fly.Network;
import fly.cli.Cli;
import fly.cli.Trust;
import fly.mcp.check.ServerOptions;
import fly.mcp.proxy.Patience;
import fly.mcp.proxy.ProxyLog;
import fly.mcp.proxy.StdioProxy;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-mcp-proxy",
    header = "fly-mcp-proxy --url https://mcp-demo-0123456789ab.fly.dev/",
    description = "Serve a remote MCP server to a local client: stdio here, HTTP there.",
    footer = {
      "%nThis is what an MCP client (Claude, Cursor, VS Code, Zed) starts. It waits while the"
          + " Machine",
      "starts, and comes back after a restart; the client's messages pass unchanged.",
      "%nExit codes: 0 the client has left; 1 the server could not be reached; 4 not authorized.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#accessing-the-mcp"
    })
class McpProxy implements Callable<Integer> {
  @Mixin Cli cli;
  @Mixin Trust trust;
  @Mixin ServerOptions options;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "How long a request may take (default: 10m).")
  Duration timeout = Duration.ofMinutes(10);

  @Option(names = "--log", paramLabel = "FILE", description = "Append what happens to a file.")
  Path logFile;

  @Option(names = "--inspect", description = "Start the MCP inspector on it (needs Node).")
  boolean inspect;

  public static void main(String... args) {
    Cli.main(new McpProxy(), args);
  }

  @Override
  public Integer call() {
    var server = options.server();
    var sent = options.requestHeaders(server);
    if (inspect) return inspect(server);
    var stdin = new FileInputStream(FileDescriptor.in);
    var stdout = new FileOutputStream(FileDescriptor.out);
    var proxy =
        new StdioProxy(
            server, options.transport, sent, timeout, Patience.OF_CLIENTS, stdout, log());
    Runtime.getRuntime().addShutdownHook(new Thread(proxy::stop));
    cli.say("Serving %s on stdin and stdout ...", ServerOptions.shown(server));
    try {
      proxy.serve(stdin);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return 0;
  }

  /**
   * The inspector starts this again, without the environment: secrets go there in a file.
   *
   * @return its exit code
   */
  private int inspect(URI server) {
    var proxy = new ArrayList<String>();
    proxy.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    proxy.addAll(List.of("-cp", System.getProperty("java.class.path"), "McpProxy"));
    proxy.addAll(List.of("--url", server.toString(), "--transport", options.transport.name()));
    proxy.addAll(List.of("--timeout", timeout.toSeconds() + "s"));
    for (var header : options.headers) proxy.addAll(List.of("--header", header));
    if (options.instance != null) proxy.addAll(List.of("--instance", options.instance));
    if (logFile != null) proxy.addAll(List.of("--log", logFile.toAbsolutePath().toString()));
    if (Network.trusted() != null) proxy.addAll(List.of("--cacert", Network.trusted()));
    Path secret = null;
    try {
      var named = options.user != null || options.tokenFile != null;
      var token = named ? null : options.bearerToken();
      var password = options.user == null ? null : options.password();
      if (options.user != null) proxy.addAll(List.of("--user", options.user));
      if (options.passwordFile != null) {
        proxy.addAll(List.of("--password-file", options.passwordFile.toAbsolutePath().toString()));
      } else if (options.tokenFile != null) {
        proxy.addAll(List.of("--bearer-token-file", options.tokenFile.toAbsolutePath().toString()));
      } else if (token != null || password != null) {
        secret = Files.createTempFile("fly-mcp-", null); // its owner alone may read it
        Files.writeString(secret, token == null ? password : token);
        proxy.addAll(
            List.of(token == null ? "--password-file" : "--bearer-token-file", secret.toString()));
      }
      var npx = System.getProperty("os.name").startsWith("Windows") ? "npx.cmd" : "npx";
      var command =
          new ArrayList<>(List.of(npx, "-y", "@modelcontextprotocol/inspector@2.12.0", "--"));
      command.addAll(proxy);
      cli.say("Starting the MCP inspector ...");
      return new ProcessBuilder(command).inheritIO().start().waitFor();
    } catch (IOException e) {
      throw new FlyException(
          "the MCP inspector did not start",
          String.valueOf(e.getMessage()),
          "install Node, then run this again");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    } finally {
      if (secret != null) secret.toFile().delete();
    }
  }

  private ProxyLog log() {
    if (logFile == null) return cli.verbose ? line -> cli.err().println(line) : line -> {};
    try {
      var file = new PrintStream(new FileOutputStream(logFile.toFile(), true), true, "UTF-8");
      return line -> {
        file.println(LocalTime.now() + " " + line);
        if (cli.verbose) cli.err().println(line);
      };
    } catch (IOException e) {
      throw FlyException.usage(
          "could not write " + logFile, String.valueOf(e.getMessage()), "--log FILE");
    }
  }
}
