//SOURCES ../Access.java ../Count.java ../Deadline.java ../Fly.java ../FlyException.java ../Network.java
//SOURCES ../Refusals.java ../Settings.java ../Token.java ../mcp/check/Conversation.java ../mcp/check/ServerCheck.java
//SOURCES ../mcp/proxy/HttpErrors.java ../mcp/proxy/HttpSender.java ../mcp/proxy/StdioProxy.java
package fly.doctor;

import fly.Access;
import fly.Count;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.Network;
import fly.Refusals;
import fly.Settings;
import fly.Token;
import fly.mcp.check.Conversation;
import fly.mcp.check.ServerCheck;
import fly.mcp.proxy.HttpErrors;
import fly.mcp.proxy.HttpSender;
import fly.mcp.proxy.StdioProxy;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import kong.unirest.core.UnirestException;

/** Checks of Fly.io, or the sandbox, from the name to the MCP server's reply. */
final class Remote {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Fly fly;

  Remote(Fly fly) {
    this.fly = fly;
  }

  static String token() {
    var token = Token.parse(Settings.FLY_API_TOKEN.require());
    return "whole: %s, sent as %s".formatted(token.shape(), token.scheme());
  }

  static String target() {
    var url = Settings.FLY_API_HOSTNAME.get();
    Access.requireSafe(url);
    return (Network.loopback(URI.create(url).getHost())
            ? "a sandbox on this machine: "
            : "Fly.io: ")
        + url;
  }

  /** Name, connection, TLS and proxy, by a request without a token. */
  static String reach() throws IOException {
    var url = Settings.FLY_API_HOSTNAME.get().replaceFirst("/+$", "") + "/v1/apps";
    var uri = URI.create(url);
    var proxy = Network.SYSTEM.proxy(uri.getScheme(), uri.getHost(), Network.port(uri));
    if (proxy.isPresent()) return "%d by way of the proxy %s".formatted(status(url), proxy.get());
    try {
      var address = InetAddress.getByName(uri.getHost()).getHostAddress();
      return "%d from %s".formatted(status(url), address);
    } catch (UnknownHostException e) {
      throw new FlyException(
          "there is no host " + uri.getHost(),
          "its name does not resolve, and no proxy is set (HTTPS_PROXY)",
          "check your network");
    }
  }

  private static int status(String url) {
    try {
      return Fly.http().get(url).requestTimeout(timeoutMs()).asEmpty().getStatus();
    } catch (UnirestException e) {
      throw Refusals.unanswered("GET", url, e);
    }
  }

  String accepted() {
    var tokens = fly.get("/v1/tokens/current").path("tokens");
    return "accepted; %s, organization %s"
        .formatted(
            Count.of(tokens.size(), "token"),
            tokens.findValuesAsText("organization").stream()
                .distinct()
                .collect(Collectors.joining(", ")));
  }

  String app() {
    var name = Settings.APP_NAME.require();
    var app = fly.get("/v1/apps/{app}", name);
    return "%s, %s".formatted(name, app.path("status").asText("no status"));
  }

  String addresses() {
    var ips = fly.get("/v1/apps/{app}/ip_assignments", name()).path("ips");
    if (ips.isEmpty()) {
      throw new FlyException(
          "the app has no IP address", "nobody can reach it", "fly-allocate-ips");
    }
    return ips.findValuesAsText("ip").stream().collect(Collectors.joining(", "));
  }

  /** The region of new Machines: Fly.io has it, and so is a volume there if the app has volumes. */
  String region() {
    var answer = fly.get("/v1/platform/regions");
    var region = Settings.REGION.get();
    if (region == null) {
      return "REGION is not set: the request bodies name one; the nearest is "
          + answer.path("nearest").asText("not known");
    }
    if (!answer.path("regions").findValuesAsText("code").contains(region)) {
      throw FlyException.usage(
          "Fly.io has no region " + region, "REGION names it", "fly-list-regions");
    }
    var volumes = fly.volumes(name());
    if (!volumes.isEmpty() && volumes.stream().noneMatch(v -> v.region().equals(region))) {
      throw new FlyException(
          "no volume is in the region " + region,
          "a new Machine with a volume needs both in one region; REGION names it",
          "fly-create-volume --region " + region);
    }
    return region + (volumes.isEmpty() ? "" : ", with a volume");
  }

  String volumes() {
    var volumes = fly.volumes(name());
    if (volumes.isEmpty()) return "none";
    return volumes.stream()
        .map(v -> "%s in %s, %s".formatted(v.name(), v.region(), v.free() ? "free" : "attached"))
        .collect(Collectors.joining("; "));
  }

  String machines() {
    var machines = fly.machines(name());
    if (machines.isEmpty()) {
      throw new FlyException("the app has no Machine", "nothing runs in it", "fly-create-machine");
    }
    var states = new LinkedHashMap<String, Integer>();
    machines.forEach(m -> states.merge(m.state() + " in " + m.region(), 1, Integer::sum));
    return states.entrySet().stream()
        .map(state -> state.getValue() + " " + state.getKey())
        .collect(Collectors.joining(", "));
  }

  /** A request through the edge, which starts a stopped Machine. */
  String edge() {
    var url = Settings.edgeUrl(name());
    try {
      var status = HttpSender.statusOfGet(URI.create(url + "healthz"), timeoutMs());
      if (status < 500) return "%d from %s".formatted(status, url);
      throw new FlyException(
          "the edge answers " + status, url + " reaches no Machine that serves", "fly-logs");
    } catch (IOException e) {
      throw new FlyException(
          "the app does not answer", HttpErrors.reason(e) + " (" + url + ")", "fly-status");
    }
  }

  String mcp() {
    var server = URI.create(Settings.edgeUrl(name()));
    var token = Settings.FLY_MCP_BEARER_TOKEN.getFor(Settings.FLY_EDGE_URL);
    Map<String, String> headers =
        token == null ? Map.of() : Map.of("Authorization", "Bearer " + token);
    if (token != null) Access.requireSafe(server.toString());
    var hello = Fly.JSON.createObjectNode().put("jsonrpc", "2.0").put("id", 0);
    var params = hello.put("method", "initialize").putObject("params");
    params.put("protocolVersion", "2025-06-18").putObject("capabilities");
    params.putObject("clientInfo").put("name", "fly-doctor").put("version", "1");
    var patience = Deadline.clock().real(PATIENCE);
    try (var conversation =
        new Conversation(
            server, StdioProxy.Transport.AUTO, headers, patience, why -> {}, line -> {})) {
      var check = new ServerCheck(conversation, patience, stage -> {});
      var info = check.ask(hello, reply -> {}).at("/result/serverInfo");
      return "%s %s"
          .formatted(info.path("name").asText("a server"), info.path("version").asText(""));
    }
  }

  private static int timeoutMs() {
    return (int) Deadline.clock().real(TIMEOUT).toMillis();
  }

  private static String name() {
    return Settings.APP_NAME.require();
  }
}
