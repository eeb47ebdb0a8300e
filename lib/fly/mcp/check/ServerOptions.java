//SOURCES ../../Access.java ../../FlyException.java ../../Network.java ../../Settings.java ../../Story.java
//SOURCES ../../TextFile.java ../../cli/Options.java ../../cli/Reference.java ../proxy/HttpErrors.java
//SOURCES ../proxy/StdioProxy.java
package fly.mcp.check;

import fly.Access;
import fly.FlyException;
import fly.Network;
import fly.Settings;
import fly.Story;
import fly.TextFile;
import fly.cli.Options;
import fly.cli.Reference;
import fly.mcp.proxy.HttpErrors;
import fly.mcp.proxy.StdioProxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options for an MCP server: its address, its protocol, and credentials. */
public final class ServerOptions {
  @Mixin Options.App app;

  @Option(
      names = "--url",
      paramLabel = "URL",
      description = "Where the server answers ($$FLY_EDGE_URL).")
  public String url;

  @Option(
      names = "--transport",
      paramLabel = "NAME",
      description = "How it is spoken to: ${COMPLETION-CANDIDATES} (default: found out).")
  public StdioProxy.Transport transport = StdioProxy.Transport.AUTO;

  @Option(
      names = "--bearer-token-file",
      paramLabel = "FILE",
      description = "A file with the token that the server asks for ($$FLY_MCP_BEARER_TOKEN).")
  public Path tokenFile;

  @Option(
      names = "--user",
      paramLabel = "NAME",
      description = "For a server that asks for user and password ($$FLY_MCP_PASSWORD).")
  public String user;

  @Option(names = "--password-file", paramLabel = "FILE", description = "A file with the password.")
  public Path passwordFile;

  @Option(
      names = "--header",
      paramLabel = "'NAME: VALUE'",
      description = "Send this header, too; may be repeated.")
  public List<String> headers = new ArrayList<>();

  @Option(
      names = "--instance",
      paramLabel = "MACHINE_ID",
      description = "Always ask this Machine (fly-force-instance-id).")
  public String instance;

  /** Options for the server of an app, behind the token in a file. */
  public static ServerOptions of(String app, Path tokenFile) {
    var options = new ServerOptions();
    options.url = Settings.edgeUrl(app);
    options.tokenFile = tokenFile == null ? Settings.tokenFile(app) : tokenFile.toAbsolutePath();
    return options;
  }

  /** The server's address: an http or https URL. */
  public URI server() {
    var template = Settings.FLY_EDGE_URL.get();
    var text = url != null ? url : Settings.edgeUrl(template.contains("{app}") ? app.name() : "");
    try {
      var uri = URI.create(text);
      if (uri.getHost() != null && String.valueOf(uri.getScheme()).matches("https?")) return uri;
    } catch (IllegalArgumentException e) {
      // the same answer for all
    }
    throw FlyException.usage(
        text + " is no http or https URL", "the server is asked by HTTP", "--url https://...");
  }

  /**
   * Headers of each request, secrets among them.
   *
   * @throws FlyException if a secret would travel in the clear
   */
  public Map<String, String> requestHeaders(URI server) {
    var sent = new LinkedHashMap<String, String>();
    if (instance != null) sent.put("fly-force-instance-id", instance);
    for (var header : headers) {
      var parts = header.split(":", 2);
      if (parts.length < 2 || !parts[0].strip().matches("[\\w!#$%&'*+.^`|~-]+")) {
        throw FlyException.usage(
            "no header in --header", "NAME: VALUE", "--header 'X-Name: value'");
      }
      if (isSecret(parts[0])) requireTrusted("the header " + parts[0].strip());
      sent.put(parts[0].strip(), parts[1].strip());
    }
    if (!String.join("", sent.values())
        .matches("[^\\x00-\\x08\\x0a-\\x1f\\x7f\\x{100}-\\x{10ffff}]*")) {
      throw FlyException.usage(
          "no header can hold this",
          "it has a control character, or one that is not in Latin-1",
          "--header 'X-Name: value'");
    }
    var authorization = authorization();
    if (authorization != null) sent.put("Authorization", authorization);
    var secret = sent.keySet().stream().anyMatch(ServerOptions::isSecret);
    if (secret && server.getScheme().equals("http")) Access.requireSafe(server.toString());
    return sent;
  }

  private static boolean isSecret(String header) {
    return header.matches("(?i).*(auth|token|key|cookie).*");
  }

  /** The command that starts fly-mcp-proxy for this server, from anywhere; no secret is in it. */
  public List<String> proxy(URI server, Story story) {
    var command = new ArrayList<>(Reference.lasting("fly-mcp-proxy", story));
    command.addAll(List.of("--url", server.toString()));
    if (transport != StdioProxy.Transport.AUTO) {
      command.addAll(List.of("--transport", transport.name().toLowerCase()));
    }
    if (tokenFile != null) {
      command.addAll(List.of("--bearer-token-file", tokenFile.toAbsolutePath().toString()));
    }
    if (user != null) command.addAll(List.of("--user", user));
    if (passwordFile != null) {
      command.addAll(List.of("--password-file", passwordFile.toAbsolutePath().toString()));
    }
    if (instance != null) command.addAll(List.of("--instance", instance));
    if (Network.trusted() != null) command.addAll(List.of("--cacert", Network.trusted()));
    return command;
  }

  /** An address for people, without the parts that may be secret. */
  public static String shown(URI server) {
    return HttpErrors.shown(server);
  }

  private String authorization() {
    if (user != null) {
      var password = passwordFile == null ? password() : secretIn(passwordFile);
      if (password == null) {
        throw FlyException.usage(
            "no password for " + user, "--user needs one", "export FLY_MCP_PASSWORD=...");
      }
      var both = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
      return "Basic " + Base64.getEncoder().encodeToString(both);
    }
    var token = bearerToken();
    return token == null ? null : "Bearer " + token;
  }

  /** The token that the server requires; null if there is none. */
  public String bearerToken() {
    return tokenFile == null ? variable(Settings.FLY_MCP_BEARER_TOKEN.name()) : secretIn(tokenFile);
  }

  /** The password of {@code --user} in the environment; null if there is none. */
  public String password() {
    return variable("FLY_MCP_PASSWORD");
  }

  private String variable(String name) {
    return url == null ? Settings.secretFor(name, Settings.FLY_EDGE_URL) : Settings.lookup(name);
  }

  private void requireTrusted(String secret) {
    if (url == null) Settings.FLY_EDGE_URL.requireTrusted(secret);
  }

  private String secretIn(Path file) {
    requireTrusted("the secret in " + file);
    var secret = TextFile.read(file).strip();
    if (secret.matches("[\\x20-\\x7e]+")) return secret;
    throw FlyException.usage(
        "no secret in " + file, "one line of printable characters was expected", "look at it");
  }
}
