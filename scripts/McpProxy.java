///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Serve a remote MCP server to a local client: stdio here, HTTP there.
//SOURCES ../lib/fly/Cli.java ../lib/fly/mcp/Proxy.java

import fly.Cli;
import fly.Fly;
import fly.FlyException;
import fly.Options;
import fly.Settings;
import fly.mcp.Proxy;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
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
class McpProxy implements Runnable {
  @Mixin Cli cli;
  @Mixin Options.App app;

  @Option(
      names = "--url",
      paramLabel = "URL",
      description = "Where the server answers ($$FLY_EDGE_URL).")
  String url;

  @Option(
      names = "--transport",
      paramLabel = "NAME",
      description = "How it is spoken to: ${COMPLETION-CANDIDATES} (default: found out).")
  Proxy.Transport transport = Proxy.Transport.AUTO;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "How long a request may take (default: 10m).")
  Duration timeout = Duration.ofMinutes(10);

  @Option(
      names = "--bearer-token-file",
      paramLabel = "FILE",
      description = "A file with the token that the server asks for ($$FLY_MCP_BEARER_TOKEN).")
  Path tokenFile;

  @Option(
      names = "--user",
      paramLabel = "NAME",
      description = "For a server that asks for user and password ($$FLY_MCP_PASSWORD).")
  String user;

  @Option(names = "--password-file", paramLabel = "FILE", description = "A file with the password.")
  Path passwordFile;

  @Option(
      names = "--header",
      paramLabel = "'NAME: VALUE'",
      description = "Send this header, too; may be repeated.")
  List<String> headers = new ArrayList<>();

  @Option(
      names = "--instance",
      paramLabel = "MACHINE_ID",
      description = "Always ask this Machine (fly-force-instance-id).")
  String instance;

  @Option(names = "--log", paramLabel = "FILE", description = "Append what happens to a file.")
  Path logFile;

  @Option(names = "--inspect", description = "Start the MCP inspector on it (needs Node).")
  boolean inspect;

  public static void main(String... args) {
    Cli.main(new McpProxy(), args);
  }

  @Override
  public void run() {
    var server = server();
    var sent = requestHeaders(server);
    if (inspect) {
      inspect(server);
      return;
    }
    var stdin = new FileInputStream(FileDescriptor.in);
    var stdout = new FileOutputStream(FileDescriptor.out);
    var proxy = new Proxy(server, transport, sent, timeout, stdout, log());
    Runtime.getRuntime().addShutdownHook(new Thread(proxy::stop));
    cli.say("Serving %s on stdin and stdout ...", server);
    try {
      proxy.serve(stdin);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private URI server() {
    var template = Settings.FLY_EDGE_URL.get();
    var text = url != null ? url : Settings.edgeUrl(template.contains("{app}") ? app.name() : "");
    try {
      var uri = URI.create(text);
      if (uri.getHost() != null && uri.getScheme().matches("https?")) return uri;
    } catch (IllegalArgumentException e) {
      // the same answer for all
    }
    throw FlyException.usage(
        text + " is no http or https URL", "the server is asked by HTTP", "--url https://...");
  }

  private Map<String, String> requestHeaders(URI server) {
    var sent = new LinkedHashMap<String, String>();
    if (instance != null) sent.put("fly-force-instance-id", instance);
    for (var header : headers) {
      var parts = header.split(":", 2);
      if (parts.length < 2 || !parts[0].strip().matches("[\\w!#$%&'*+.^`|~-]+")) {
        throw FlyException.usage(
            "no header in --header", "NAME: VALUE", "--header 'X-Name: value'");
      }
      sent.put(parts[0].strip(), parts[1].strip());
    }
    var authorization = authorization();
    if (authorization != null) sent.put("Authorization", authorization);
    var secret =
        sent.keySet().stream().anyMatch(name -> name.matches("(?i).*(auth|token|key|cookie).*"));
    if (secret && server.getScheme().equals("http")) Fly.requireSafe(server.toString());
    return sent;
  }

  private String authorization() {
    if (user != null) {
      var password =
          passwordFile == null ? Settings.lookup("FLY_MCP_PASSWORD") : secretIn(passwordFile);
      if (password == null) {
        throw FlyException.usage(
            "no password for " + user, "--user needs one", "export FLY_MCP_PASSWORD=...");
      }
      var both = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
      return "Basic " + Base64.getEncoder().encodeToString(both);
    }
    var token = tokenFile == null ? Settings.FLY_MCP_BEARER_TOKEN.get() : secretIn(tokenFile);
    return token == null ? null : "Bearer " + token;
  }

  private static String secretIn(Path file) {
    try {
      var secret = Files.readString(file).strip();
      if (secret.matches("[\\x20-\\x7e]+")) return secret;
    } catch (IOException e) {
      // the same answer for both
    }
    throw FlyException.usage(
        "no secret in " + file, "one line of printable characters was expected", "look at it");
  }

  /** The inspector starts this again, without the environment: secrets go there in a file. */
  private void inspect(URI server) {
    var proxy = new ArrayList<String>();
    proxy.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    proxy.addAll(List.of("-cp", System.getProperty("java.class.path"), "McpProxy"));
    proxy.addAll(List.of("--url", server.toString(), "--transport", transport.name()));
    proxy.addAll(List.of("--timeout", timeout.toSeconds() + "s"));
    for (var header : headers) proxy.addAll(List.of("--header", header));
    if (instance != null) proxy.addAll(List.of("--instance", instance));
    if (logFile != null) proxy.addAll(List.of("--log", logFile.toAbsolutePath().toString()));
    Path secret = null;
    try {
      var token = user == null && tokenFile == null ? Settings.FLY_MCP_BEARER_TOKEN.get() : null;
      var password = user == null ? null : Settings.lookup("FLY_MCP_PASSWORD");
      if (user != null) proxy.addAll(List.of("--user", user));
      if (passwordFile != null) {
        proxy.addAll(List.of("--password-file", passwordFile.toAbsolutePath().toString()));
      } else if (tokenFile != null) {
        proxy.addAll(List.of("--bearer-token-file", tokenFile.toAbsolutePath().toString()));
      } else if (token != null || password != null) {
        secret = Files.createTempFile("fly-mcp-", null); // its owner alone may read it
        Files.writeString(secret, token == null ? password : token);
        proxy.addAll(
            List.of(token == null ? "--password-file" : "--bearer-token-file", secret.toString()));
      }
      var npx = System.getProperty("os.name").startsWith("Windows") ? "npx.cmd" : "npx";
      var command = new ArrayList<>(List.of(npx, "-y", "@modelcontextprotocol/inspector", "--"));
      command.addAll(proxy);
      cli.say("Starting the MCP inspector ...");
      new ProcessBuilder(command).inheritIO().start().waitFor();
    } catch (IOException e) {
      throw new FlyException(
          "the MCP inspector did not start",
          String.valueOf(e.getMessage()),
          "install Node, then run this again");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      if (secret != null) secret.toFile().delete();
    }
  }

  private Consumer<String> log() {
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
