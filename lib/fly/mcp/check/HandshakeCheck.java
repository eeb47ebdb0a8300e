//SOURCES ../../Fly.java ../../FlyException.java Conversation.java ServerCheck.java ServerOptions.java
//SOURCES ../proxy/HttpSender.java ../proxy/StdioProxy.java
package fly.mcp.check;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.mcp.proxy.HttpSender;
import fly.mcp.proxy.StdioProxy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Shows that a new server answers clients with its token, and refuses all others. */
public final class HandshakeCheck {
  private static final int UNAUTHORIZED = 401;

  private static final int PROBE_MS = 20_000;

  private final URI url;
  private final String app;
  private final List<JsonNode> messages;

  /**
   * @param requests JSON-RPC messages, one a line: initialize, initialized and tools/list
   */
  public HandshakeCheck(URI url, String app, String requests) {
    this.url = url;
    this.app = app;
    var parsed = new ArrayList<JsonNode>();
    try {
      for (var line : requests.lines().limit(3).toList()) parsed.add(Fly.JSON.readTree(line));
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
    this.messages = List.copyOf(parsed);
  }

  /** The same check as a shell script. */
  public String curl() {
    return ServerCheck.curl(url.toString(), true, messages);
  }

  /**
   * Sends the messages and waits for the replies.
   *
   * @param server the address, and the headers of each request, which may hold secrets
   * @param story takes the stages, and the reasons to wait
   * @param log takes a line per thing that happens
   * @throws FlyException with the exit code of the stage that failed
   */
  public void requireAnswers(
      ServerOptions server, Duration timeout, Consumer<String> story, Consumer<String> log) {
    try (var conversation =
        new Conversation(
            url,
            StdioProxy.Transport.AUTO,
            server.requestHeaders(url),
            timeout,
            why -> story.accept(why + "; waiting ..."),
            log)) {
      var check =
          new ServerCheck(
              conversation,
              timeout,
              stage -> {
                if (stage.ok()) story.accept(stage.text()); // a failure is reported as an error
              });
      var hello = check.ask(messages.get(0), reply -> {});
      check.tell(messages.get(1));
      if (hello.at("/result/capabilities").has("tools")) check.ask(messages.get(2), reply -> {});
    } catch (FlyException e) {
      var logs = "fly-logs --app " + app;
      throw new FlyException(e.what, e.why, logs, e.exitCode, e.status);
    }
  }

  /**
   * Sends a request without a token, which the server must refuse.
   *
   * @return the reason why this could not be seen; empty if the server refuses
   */
  public Optional<String> requireToken() {
    int status;
    try {
      status = HttpSender.statusOfEmptyPost(url, PROBE_MS);
    } catch (IOException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
    if (status == UNAUTHORIZED) return Optional.empty();
    if (HttpSender.NOT_NOW.contains(status)) return Optional.of("the answer was " + status);
    throw new FlyException(
        "the server asks for no token",
        "a request without a token was answered with " + status,
        "end it: fly-cleanup --app %s --confirm %s".formatted(app, app));
  }
}
