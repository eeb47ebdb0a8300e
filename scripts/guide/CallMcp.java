///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Access the MCP: call the server on your Machine, and see that it works.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/Template.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/mcp/check/Conversation.java
//SOURCES ../../lib/fly/mcp/check/ServerCheck.java ../../lib/fly/mcp/check/ServerOptions.java
//FILES requests.jsonl

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import fly.Template;
import fly.cli.Cli;
import fly.mcp.check.Conversation;
import fly.mcp.check.ServerCheck;
import fly.mcp.check.ServerOptions;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-call-mcp",
    header = "fly-call-mcp --tool read_text_file --args '{\"path\": \"/data/notes.txt\"}'",
    description = "Access the MCP: call the server on your Machine, and see that it works.",
    footer = {
      "%nWithout --tool, --list or --requests it asks what the guide asks: initialize, tools/list,",
      "and tools/call list_directory. The replies come on stdout, one JSON per line; on stderr",
      "what each stage took.",
      "%nExit codes: 0 all replies came, none an error; 4 not authorized; 10 no connection;",
      "11 initialize failed; 12 a list failed; 13 a call failed.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#accessing-the-mcp"
    })
class CallMcp implements Runnable {
  /** What can be listed. */
  enum Offer {
    TOOLS,
    RESOURCES,
    PROMPTS
  }

  @Mixin Cli.Api cli;
  @Mixin ServerOptions options;
  @ArgGroup Task task = new Task();

  static class Task {
    @Option(names = "--tool", paramLabel = "NAME", description = "Call this tool.")
    String tool;

    @Option(
        names = "--list",
        paramLabel = "WHAT",
        description = "List what the server offers: ${COMPLETION-CANDIDATES}.")
    Offer list;

    @Option(
        names = "--requests",
        paramLabel = "FILE",
        description = "Send your own JSON-RPC messages, one per line; - is stdin.")
    String requests;
  }

  @Option(names = "--args", paramLabel = "JSON", description = "The tool's arguments.")
  String args = "{}";

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "For everything together (default: 60s).")
  Duration timeout = Duration.ofSeconds(60);

  @Option(names = "--json", description = "Print a report instead of the replies.")
  boolean json;

  public static void main(String... args) {
    Cli.main(new CallMcp(), args);
  }

  @Override
  public void run() {
    var messages = messages();
    var server = options.server();
    var headers = options.requestHeaders(server);
    if (cli.dryRun) {
      cli.out()
          .println(
              ServerCheck.curl(server.toString(), headers.containsKey("Authorization"), messages));
      return;
    }
    cli.say("Asking %s ...", ServerOptions.shown(server));
    var begin = System.nanoTime();
    FlyException failure = null;
    var replies = Fly.JSON.createArrayNode();
    try (var dialog = dialog(server, headers)) {
      var proof = new ServerCheck(dialog, timeout, this::tell);
      try {
        ask(proof, messages, json ? replies::add : this::print);
      } catch (FlyException e) {
        failure = e;
      }
      if (json) {
        var took = Duration.ofNanos(System.nanoTime() - begin);
        cli.out().println(Fly.pretty(report(server, proof, took, failure).set("replies", replies)));
      }
    }
    if (failure != null) throw failure;
  }

  private Conversation dialog(URI server, Map<String, String> headers) {
    return new Conversation(
        server,
        options.transport,
        headers,
        timeout,
        why -> cli.say("%s; waiting ...", why),
        cli.verbose ? cli.err()::println : line -> {});
  }

  private void print(JsonNode reply) {
    cli.out().println(reply);
    cli.out().flush();
  }

  private void tell(ServerCheck.Stage stage) {
    if (stage.ok()) cli.say("%s", stage.text()); // else it is told as an error
  }

  private static ObjectNode report(
      URI server, ServerCheck proof, Duration took, FlyException failure) {
    var report = Fly.JSON.createObjectNode().put("url", ServerOptions.shown(server));
    report.put("ok", failure == null).put("ms", took.toMillis());
    var stages = report.putArray("stages");
    for (var stage : proof.stages()) stages.add(stage.json());
    if (failure == null) return report;
    report
        .putObject("error")
        .put("exit_code", failure.exitCode)
        .put("message", failure.getMessage())
        .put("why", failure.why)
        .put("try", failure.tryNext);
    return report;
  }

  /** One after the other; without a handshake there is nothing more to ask, else all is asked. */
  private void ask(ServerCheck proof, List<JsonNode> messages, Consumer<JsonNode> onReply) {
    FlyException first = null;
    for (var message : messages) {
      if (!message.has("id") || !message.has("method")) {
        proof.tell(message);
        continue;
      }
      try {
        var reply = proof.ask(message, onReply);
        if (task.list != null && message.path("method").asText().endsWith("/list")) {
          more(proof, message, reply, onReply);
        }
      } catch (FlyException e) {
        if (e.exitCode < ServerCheck.NO_LIST) throw e;
        if (first == null) first = e;
      }
    }
    if (first != null) throw first;
  }

  /** The further pages of a list. */
  private static void more(
      ServerCheck proof, JsonNode request, JsonNode first, Consumer<JsonNode> onReply) {
    var seen = new HashSet<JsonNode>();
    var reply = first;
    for (int id = request.path("id").asInt() + 1; ; id++) {
      var cursor = reply.at("/result/nextCursor");
      if (!cursor.isTextual() || !seen.add(cursor)) return;
      ObjectNode next = request.deepCopy();
      next.put("id", id).putObject("params").set("cursor", cursor);
      reply = proof.ask(next, onReply);
    }
  }

  private List<JsonNode> messages() {
    if (task.requests != null) return parse(read(task.requests), task.requests);
    var messages = parse(Template.text("requests.jsonl"), "requests.jsonl");
    if (task.list != null) {
      var list = (ObjectNode) messages.get(2);
      list.put("method", task.list.name().toLowerCase(Locale.ROOT) + "/list");
      return messages.subList(0, 3);
    }
    if (task.tool == null) return messages;
    var params = Fly.JSON.createObjectNode().put("name", task.tool);
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
}
