//SOURCES ../../Durations.java ../../Fly.java ../../FlyException.java ../../ShellWord.java ../../cli/Hint.java
//SOURCES Conversation.java
package fly.mcp.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Durations;
import fly.Fly;
import fly.FlyException;
import fly.ShellWord;
import fly.cli.Hint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Shows that an MCP server works, stage by stage: connect, authenticate, initialize, list, call.
 * Each stage has its own exit code for a failure.
 */
public final class ServerCheck {
  public static final int NO_CONNECTION = 10;
  public static final int NO_HANDSHAKE = 11;
  public static final int NO_LIST = 12;
  public static final int NO_CALL = 13;

  /**
   * @param name connect, authenticate, initialize, list or call
   * @param request such as {@code tools/call list_directory}; empty if there was none
   * @param detail the result in a few words
   */
  public record Stage(String name, String request, boolean ok, Duration took, String detail) {
    /** The stage as a line of a table. */
    public String text() {
      var what = request.isEmpty() ? name : request;
      var line = "  %-32s %8.1f ms  %s".formatted(what, took.toNanos() / 1e6, detail);
      return line.stripTrailing();
    }

    public ObjectNode json() {
      var json = Fly.JSON.createObjectNode().put("stage", name).put("ok", ok);
      if (!request.isEmpty()) json.put("request", request);
      return json.put("ms", took.toNanos() / 1000 / 1e3).put("detail", detail);
    }
  }

  /**
   * The guide's shell script, which sends the same requests.
   *
   * @param authorized true to send a token, by its variable
   */
  public static String curl(String url, boolean authorized, List<JsonNode> messages) {
    var token = authorized ? " -H \"Authorization: Bearer ${FLY_MCP_BEARER_TOKEN}\"" : "";
    var lines = messages.stream().map(message -> message + "\n").collect(Collectors.joining());
    return """
    curl -N%s "%s" &
    process_id=$!
    sleep 1
    curl -i -X POST%s -H "Content-Type: application/json" "%s" -d %s
    sleep 1
    kill $process_id\
    """
        .formatted(token, url, token, url, ShellWord.quoted("\n" + lines));
  }

  /** The revision without handshakes and sessions: each request carries everything. */
  private static final String STATELESS = "2026-07-28";

  private static final String META = "io.modelcontextprotocol/";

  private final Conversation dialog;
  private final Duration timeout;
  private final Consumer<Stage> onStage;
  private final List<Stage> stages = new ArrayList<>();

  /** Part of each request to a server without handshakes; null for a server with them. */
  private JsonNode clientInfo;

  /**
   * @param timeout the time-out of the whole conversation, for people
   * @param onStage takes each stage when it has ended
   */
  public ServerCheck(Conversation dialog, Duration timeout, Consumer<Stage> onStage) {
    this.dialog = dialog;
    this.timeout = timeout;
    this.onStage = onStage;
  }

  public List<Stage> stages() {
    return List.copyOf(stages);
  }

  /**
   * Sends one request and waits for its reply; the server's own requests are answered meanwhile.
   *
   * @param onReply takes the reply, which may be an error
   * @throws FlyException with the exit code of the stage that failed
   */
  public JsonNode ask(JsonNode request, Consumer<JsonNode> onReply) {
    return ask(request, timeout, onReply);
  }

  /** The same with a time-out of its own, if that is shorter than the conversation's. */
  public JsonNode ask(JsonNode request, Duration longest, Consumer<JsonNode> onReply) {
    var begin = System.nanoTime();
    var end = begin + longest.toNanos();
    var reply = replyTo(send(request), end);
    if (refusesHandshakes(request, reply)) {
      clientInfo = request.at("/params/clientInfo");
      request = discover(request);
      reply = replyTo(send(request), end);
    }
    var first = stages.isEmpty();
    var took = first ? dialog.age() : Duration.ofNanos(System.nanoTime() - begin);
    var failure = reply == null ? late(request, longest) : failure(request, reply);
    if (first) took = took.minus(arrive(failure));
    if (reply != null) onReply.accept(reply);
    var detail = failure == null ? detail(request, reply) : failure.why;
    over(new Stage(stage(request), name(request), failure == null, took, detail));
    if (failure != null) throw failure;
    return reply;
  }

  /** Sends a notification; the end of a handshake only to a server with handshakes. */
  public void tell(JsonNode message) {
    var initialized = message.path("method").asText().equals("notifications/initialized");
    if (clientInfo == null || !initialized) dialog.send(message);
  }

  private JsonNode send(JsonNode request) {
    var sent = clientInfo == null ? request : alone(request);
    dialog.send(sent);
    return sent;
  }

  /**
   * True for a server of 2026-07-28 only: it names that revision instead, or has no such method
   * (SEP-2575).
   */
  private static boolean refusesHandshakes(JsonNode request, JsonNode reply) {
    if (reply == null || !request.path("method").asText().equals("initialize")) return false;
    for (var supported : reply.at("/error/data/supported")) {
      if (supported.asText().equals(STATELESS)) return true;
    }
    return reply.at("/error/code").asInt() == -32601;
  }

  private static JsonNode discover(JsonNode initialize) {
    var request = Fly.JSON.createObjectNode().put("jsonrpc", "2.0");
    request.set("id", initialize.path("id"));
    return request.put("method", "server/discover");
  }

  /** The request with the client's data, for a server without sessions. */
  private JsonNode alone(JsonNode request) {
    ObjectNode alone = request.deepCopy();
    var meta = alone.withObjectProperty("params").withObjectProperty("_meta");
    meta.put(META + "protocolVersion", STATELESS).putObject(META + "clientCapabilities");
    if (clientInfo.isObject()) meta.set(META + "clientInfo", clientInfo);
    return alone;
  }

  /** Reports the first two stages, which the first request has shown, with their common time. */
  private Duration arrive(FlyException failure) {
    if (failure != null) {
      dialog.close(); // closing also shows if a server was there
      var refusal = dialog.refusal();
      var reached = dialog.reached() == null ? Duration.ZERO : dialog.reached();
      if (refusal != null && refusal.exitCode == FlyException.TOKEN) {
        over(new Stage("connect", "", true, reached, ""));
        over(new Stage("authenticate", "", false, Duration.ZERO, refusal.why));
        throw refusal;
      }
      if (refusal != null || dialog.reached() == null) {
        var failed = noConnection(refusal, failure);
        over(new Stage("connect", "", false, reached, failed.why));
        throw failed;
      }
    }
    var accepted = dialog.accepted() == null ? dialog.reached() : dialog.accepted();
    over(new Stage("connect", "", true, dialog.reached(), dialog.transport().toString()));
    over(new Stage("authenticate", "", true, accepted.minus(dialog.reached()), ""));
    return accepted;
  }

  private static FlyException noConnection(FlyException refusal, FlyException failure) {
    if (refusal != null && refusal.status == 409) {
      return new FlyException(refusal.what, refusal.why, refusal.tryNext, NO_CONNECTION);
    }
    return new FlyException(
        "no connection to the MCP server",
        refusal == null ? failure.why : refusal.why,
        "look at the Machine: " + Hint.of("fly-status"),
        NO_CONNECTION);
  }

  private void over(Stage stage) {
    stages.add(stage);
    onStage.accept(stage);
  }

  private JsonNode replyTo(JsonNode request, long end) {
    for (var said = dialog.next(end); said != null; said = dialog.next(end)) {
      if (said.has("method")) answer(said);
      else if (said.path("id").equals(request.path("id"))) return said;
    }
    return null;
  }

  /** Answers requests of the server: ping with a result, all others with an error. */
  private void answer(JsonNode asked) {
    if (!asked.has("id")) return;
    var reply = Fly.JSON.createObjectNode().put("jsonrpc", "2.0");
    reply.set("id", asked.get("id"));
    if (asked.path("method").asText().equals("ping")) reply.putObject("result");
    else reply.putObject("error").put("code", -32601).put("message", "method not found");
    dialog.send(reply);
  }

  private static FlyException late(JsonNode request, Duration longest) {
    return failed(request, name(request) + " failed", "no reply within " + Durations.text(longest));
  }

  /**
   * The failure of a reply; null for none. A tool's own error is kept apart from the protocol's.
   */
  private FlyException failure(JsonNode request, JsonNode reply) {
    if (reply.has("error")) {
      var error = reply.path("error");
      var text = error.path("message").asText("");
      var why = text.isEmpty() ? error.toString() : text + " (" + error.path("code") + ")";
      return failed(request, name(request) + " failed", why);
    }
    if (!reply.at("/result/isError").asBoolean()) return null;
    return failed(
        request,
        "the tool %s reports an error".formatted(request.at("/params/name").asText()),
        reply.at("/result/content/0/text").asText("isError"));
  }

  private static FlyException failed(JsonNode request, String what, String why) {
    var code =
        switch (stage(request)) {
          case "initialize" -> NO_HANDSHAKE;
          case "list" -> NO_LIST;
          default -> NO_CALL;
        };
    var next =
        code == NO_CALL
            ? "see what the server offers: " + Hint.of("fly-call-mcp") + " --list tools"
            : Hint.of("fly-status");
    return new FlyException(what, why, next, code);
  }

  private static String stage(JsonNode request) {
    var method = request.path("method").asText();
    if (method.equals("initialize") || method.equals("server/discover")) return "initialize";
    return method.endsWith("/list") ? "list" : "call";
  }

  private static String name(JsonNode request) {
    var name = request.at("/params/name");
    return request.path("method").asText() + (name.isTextual() ? " " + name.asText() : "");
  }

  private String detail(JsonNode request, JsonNode reply) {
    var result = reply.path("result");
    var stateless = clientInfo != null;
    var server = result.path("_meta").path(META + "serverInfo");
    if (server.isMissingNode()) server = result.path("serverInfo");
    return switch (stage(request)) {
      case "initialize" ->
          "%s %s, MCP %s"
              .formatted(
                  server.path("name").asText("a server"),
                  server.path("version").asText(""),
                  stateless
                      ? STATELESS
                      : result.path("protocolVersion").asText("without a version"));
      case "list" -> {
        var what = request.path("method").asText().replace("/list", "");
        yield result.path(what).size() + " " + what;
      }
      default -> "";
    };
  }
}
