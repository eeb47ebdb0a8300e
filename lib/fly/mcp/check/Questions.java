//SOURCES ../../Fly.java ../../FlyException.java ../../Refusals.java Conversation.java ServerCheck.java
//SOURCES ServerOptions.java
package fly.mcp.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import fly.Refusals;
import java.net.URI;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.function.Consumer;

/** Messages for an MCP server: sent in order, and reported at the end. */
public final class Questions implements AutoCloseable {
  private final Conversation conversation;
  private final ServerCheck check;
  private final URI server;
  private final long begin = System.nanoTime();

  /**
   * Opens the conversation.
   *
   * @param say takes the stages that succeeded, and the reason of a wait
   * @param trace takes each request and answer
   */
  public Questions(
      URI server,
      ServerOptions options,
      Duration timeout,
      Consumer<String> say,
      Consumer<String> trace) {
    this.server = server;
    conversation =
        new Conversation(
            server,
            options.transport,
            options.requestHeaders(server),
            timeout,
            why -> say.accept(why + "; waiting ..."),
            trace);
    check =
        new ServerCheck(
            conversation,
            timeout,
            stage -> {
              if (stage.ok()) say.accept(stage.text()); // a failed stage is an error in the end
            });
  }

  /**
   * Sends one request after the other. A failed handshake ends it; any other failure does not.
   *
   * @param pages true to read all pages of lists
   * @return the first failure, or null
   */
  public FlyException ask(List<JsonNode> messages, boolean pages, Consumer<JsonNode> onReply) {
    FlyException first = null;
    for (var message : messages) {
      if (!message.has("id") || !message.has("method")) {
        check.tell(message);
        continue;
      }
      try {
        var reply = check.ask(message, onReply);
        if (pages && message.path("method").asText().endsWith("/list")) {
          more(message, reply, onReply);
        }
      } catch (FlyException e) {
        if (e.exitCode < ServerCheck.NO_LIST) return e;
        if (first == null) first = e;
      }
    }
    return first;
  }

  /** Requests the further pages of a list. */
  private void more(JsonNode request, JsonNode first, Consumer<JsonNode> onReply) {
    var seen = new HashSet<JsonNode>();
    var reply = first;
    for (int id = request.path("id").asInt() + 1; ; id++) {
      var cursor = reply.at("/result/nextCursor");
      if (!cursor.isTextual()) return;
      if (!seen.add(cursor)) {
        var endless = Refusals.endless(request.path("method").asText());
        throw new FlyException(
            endless.what, endless.why, "tell the server's author", ServerCheck.NO_LIST);
      }
      ObjectNode next = request.deepCopy();
      next.put("id", id).putObject("params").set("cursor", cursor);
      reply = check.ask(next, onReply);
    }
  }

  /** The stages and replies as JSON, with the failure if there is one. */
  public ObjectNode report(JsonNode replies, FlyException failure) {
    var took = Duration.ofNanos(System.nanoTime() - begin);
    var report = Fly.JSON.createObjectNode().put("url", ServerOptions.shown(server));
    report.put("ok", failure == null).put("ms", took.toMillis());
    var stages = report.putArray("stages");
    for (var stage : check.stages()) stages.add(stage.json());
    if (failure != null) {
      report
          .putObject("error")
          .put("exit_code", failure.exitCode)
          .put("message", failure.what)
          .put("why", failure.why)
          .put("try", failure.tryNext);
    }
    return report.set("replies", replies);
  }

  @Override
  public void close() {
    conversation.close();
  }
}
