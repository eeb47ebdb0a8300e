///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Access the MCP: call the server on your Machine.
//SOURCES ../lib/fly/Cli.java ../lib/fly/mcp/WrapClient.java
//FILES requests.jsonl

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Cli;
import fly.Fly;
import fly.FlyException;
import fly.Options;
import fly.Settings;
import fly.Template;
import fly.mcp.WrapClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-call-mcp",
    header = "fly-call-mcp --tool read_text_file --args '{\"path\": \"/data/notes.txt\"}'",
    description = "Access the MCP: call the server on your Machine.",
    footer = {
      "%nWithout --tool or --requests it asks what the guide asks: initialize, tools/list, and",
      "tools/call list_directory. The replies come on stdout, one JSON per line.",
      "%nExit codes: 0 all replies came, none an error; 4 not authorized; 10 no connection;",
      "11 initialize failed; 12 a list failed; 13 a call failed.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#accessing-the-mcp"
    })
class CallMcp implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;

  @Option(
      names = "--url",
      paramLabel = "URL",
      description = "Where the server answers ($$FLY_EDGE_URL).")
  String url;

  @Option(names = "--tool", paramLabel = "NAME", description = "Call this tool.")
  String tool;

  @Option(names = "--args", paramLabel = "JSON", description = "The tool's arguments.")
  String args = "{}";

  @Option(
      names = "--requests",
      paramLabel = "FILE",
      description = "Send your own JSON-RPC messages, one per line; - is stdin.")
  String requests;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "For everything together (default: ${DEFAULT-VALUE}).")
  int timeout = 60;

  public static void main(String... args) {
    Cli.main(new CallMcp(), args);
  }

  @Override
  public void run() {
    var messages = messages();
    var server = url == null ? Settings.edgeUrl(appName()) : url;
    var bearerToken = Settings.FLY_MCP_BEARER_TOKEN.get();
    if (cli.dryRun) {
      cli.out().println(curl(server, bearerToken != null, messages));
      return;
    }
    cli.say("Opening the reply stream of %s ...", server);
    try (var mcp = new WrapClient(server, bearerToken, Duration.ofSeconds(timeout), cli::say)) {
      mcp.open();
      call(mcp, messages);
    }
  }

  /** What goes out first is the handshake, alone; the rest follows once it is answered. */
  private void call(WrapClient mcp, List<JsonNode> messages) {
    var handshake = messages.get(0).path("method").asText().equals("initialize") ? 1 : 0;
    var failures = new ArrayList<FlyException>();
    for (var batch :
        List.of(messages.subList(0, handshake), messages.subList(handshake, messages.size()))) {
      if (batch.isEmpty()) continue;
      cli.say(
          "Sending %s ...", batch.stream().map(CallMcp::name).collect(Collectors.joining(", ")));
      mcp.post(lines(batch));
      failures.addAll(replies(mcp, batch));
      if (!failures.isEmpty()) throw failures.get(0);
    }
  }

  private List<FlyException> replies(WrapClient mcp, List<JsonNode> batch) {
    var open = new LinkedHashMap<JsonNode, JsonNode>();
    for (var message : batch) if (message.has("id")) open.put(message.get("id"), message);
    var failures = new ArrayList<FlyException>();
    while (!open.isEmpty()) {
      var message = mcp.next();
      if (message == null) {
        var request = open.values().iterator().next();
        throw failed(
            request, mcp.timedOut() ? "no reply within " + timeout + " s" : mcp.whyEnded());
      }
      if (message.has("method")) answer(mcp, message);
      var request = message.has("method") ? null : open.remove(message.path("id"));
      if (request == null) continue;
      cli.out().println(message);
      cli.out().flush();
      if (message.has("error")) {
        failures.add(failed(request, message.path("error").toString()));
      } else if (message.at("/result/isError").asBoolean()) {
        failures.add(failed(request, message.at("/result/content/0/text").asText("isError")));
      }
    }
    return failures;
  }

  /** A server may ask, too: it is told that we are here, and that we can do nothing for it. */
  private void answer(WrapClient mcp, JsonNode message) {
    if (!message.has("id")) return;
    var reply = Fly.JSON.createObjectNode().put("jsonrpc", "2.0");
    reply.set("id", message.get("id"));
    if (message.path("method").asText().equals("ping")) reply.putObject("result");
    else reply.putObject("error").put("code", -32601).put("message", "method not found");
    mcp.post(reply + "\n");
  }

  private FlyException failed(JsonNode request, String why) {
    var method = request.path("method").asText();
    var code = method.equals("initialize") ? 11 : method.endsWith("/list") ? 12 : 13;
    return new FlyException(
        name(request) + " failed",
        why,
        code == 13
            ? "see what the server offers: " + Cli.hint("fly-call-mcp")
            : Cli.hint("fly-status"),
        code);
  }

  private static String name(JsonNode message) {
    var method = message.path("method").asText("a reply");
    var tool = message.at("/params/name");
    return tool.isTextual() ? method + " " + tool.asText() : method;
  }

  private String appName() {
    return Settings.FLY_EDGE_URL.get().contains("{app}") ? app.name() : "";
  }

  private List<JsonNode> messages() {
    if (requests != null) return parse(read(requests), requests);
    var messages = parse(Template.text("requests.jsonl"), "requests.jsonl");
    if (tool == null) return messages;
    var params = Fly.JSON.createObjectNode().put("name", tool);
    params.set("arguments", arguments());
    ((ObjectNode) messages.get(messages.size() - 1)).set("params", params);
    return messages;
  }

  private JsonNode arguments() {
    try {
      if (Fly.JSON.readTree(args) instanceof ObjectNode object) return object;
    } catch (JsonProcessingException e) {
      // the same answer for both
    }
    throw FlyException.usage(
        "--args is no JSON object", args, "--args '{\"path\": \"/data\"}', in single quotes");
  }

  private static List<JsonNode> parse(String text, String source) {
    var messages = new ArrayList<JsonNode>();
    for (var line : text.lines().filter(line -> !line.isBlank()).toList()) {
      try {
        messages.add(Fly.JSON.readTree(line));
      } catch (JsonProcessingException e) {
        throw FlyException.usage(
            source + " holds a line that is not JSON", line, "one JSON-RPC message per line");
      }
    }
    if (!messages.isEmpty()) return messages;
    throw FlyException.usage(source + " holds no message", "it is empty", "one message per line");
  }

  private static String read(String file) {
    try {
      var bytes = file.equals("-") ? System.in.readAllBytes() : Files.readAllBytes(Path.of(file));
      return new String(bytes, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw FlyException.usage(
          "could not read " + file, "no such file, or no access", "--requests FILE");
    }
  }

  private static String lines(List<JsonNode> messages) {
    return messages.stream().map(message -> message + "\n").collect(Collectors.joining());
  }

  /** The guide's shell script. */
  private static String curl(String url, boolean authorized, List<JsonNode> messages) {
    var token = authorized ? " -H \"Authorization: Bearer ${FLY_MCP_BEARER_TOKEN}\"" : "";
    return """
    curl -N%s "%s" &
    process_id=$!
    sleep 1
    curl -i -X POST%s -H "Content-Type: application/json" "%s" -d '
    %s'
    sleep 1
    kill $process_id\
    """
        .formatted(token, url, token, url, lines(messages).replace("'", "'\\''"));
  }
}
