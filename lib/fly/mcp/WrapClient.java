//SOURCES ../Fly.java
package fly.mcp;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kong.unirest.core.RawResponse;
import kong.unirest.core.Unirest;
import kong.unirest.core.UnirestException;
import kong.unirest.core.UnirestInstance;

/**
 * Talks to {@code fly mcp wrap}: JSON-RPC lines go out by POST, and whatever the server says comes
 * back, line by line, on one open GET (superfly/flyctl, internal/command/mcp/wrap.go).
 *
 * <p>The GET is opened first, because the wrap throws away what it cannot hand on at once.
 */
public final class WrapClient implements AutoCloseable {
  /** Nobody answers, or not with a stream. */
  public static final int NO_CONNECTION = 10;

  private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(500);

  /** How long the same 502 may last: a Machine that boots gets over it, a broken one does not. */
  private static final long BROKEN = TimeUnit.SECONDS.toNanos(20);

  private final String url;
  private final long deadline;
  private final Fly.Story story;
  private final UnirestInstance http = Unirest.spawnInstance();
  private final BlockingQueue<Line> lines = new LinkedBlockingQueue<>();
  private volatile AutoCloseable stream = () -> {};

  /** What came: a message of the server, or null where its stream ended. */
  private record Line(JsonNode message) {}

  /**
   * @param bearerToken what the server asks for, or null
   * @param timeout for everything together, from now on
   */
  public WrapClient(String url, String bearerToken, Duration timeout, Fly.Story story) {
    this.url = url;
    this.deadline = System.nanoTime() + timeout.toNanos();
    this.story = story;
    http.config()
        .version(java.net.http.HttpClient.Version.HTTP_1_1)
        .followRedirects(false)
        .connectTimeout(10_000)
        .requestTimeout((int) Math.max(1, timeout.toMillis()));
    if (bearerToken == null) return;
    Fly.requireSafe(url);
    http.config().setDefaultHeader("Authorization", "Bearer " + bearerToken);
  }

  /**
   * Opens the reply stream, and waits while the Machine wakes up.
   *
   * @throws FlyException exit code 4 where the token is refused, 10 where no stream opens in time
   */
  public void open() {
    var told = "";
    var patience = deadline;
    while (true) {
      var failure = tryToOpen();
      if (failure == null) return;
      var since = System.nanoTime();
      if (!failure.reason().equals(told)) patience = failure.broken() ? since + BROKEN : deadline;
      if (!failure.temporary() || since + PAUSE >= Math.min(patience, deadline))
        throw failure.exception();
      if (!failure.reason().equals(told)) story.say("%s; waiting ...", failure.reason());
      told = failure.reason();
      pause();
    }
  }

  /** Sends JSON-RPC lines. They are sent once: the server may act on them whatever the answer. */
  public void post(String jsonLines) {
    try {
      var response =
          http.post(url).header("Content-Type", "application/json").body(jsonLines).asString();
      if (response.getStatus() / 100 != 2) {
        throw refusal(response.getStatus(), response.getBody()).exception();
      }
    } catch (UnirestException e) {
      throw unreachable(e).exception();
    }
  }

  /**
   * The server's next message.
   *
   * @return null where the time is up or the stream has ended
   */
  public JsonNode next() {
    try {
      var line = lines.poll(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
      return line == null ? null : line.message();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
  }

  /** Why the stream has ended, as far as who answers now can tell. */
  public String whyEnded() {
    var failure = tryToOpen();
    return failure == null ? "the server's stream ended" : failure.exception().why;
  }

  /** Whether the time is up. */
  public boolean timedOut() {
    return secondsLeft() <= 0;
  }

  @Override
  public void close() {
    try {
      stream.close();
    } catch (Exception e) {
      // the stream was closed at the other end
    }
    http.close();
  }

  private record Failure(
      boolean temporary, boolean broken, String reason, FlyException exception) {}

  private Failure tryToOpen() {
    var opened = new CompletableFuture<Failure>();
    var reader =
        new Thread(
            () -> {
              try {
                http.get(url)
                    .header("Accept", "text/event-stream, application/json")
                    .thenConsume(response -> read(response, opened));
              } catch (UnirestException e) {
                opened.complete(unreachable(e));
              }
            },
            "mcp-replies");
    reader.setDaemon(true);
    reader.start();
    try {
      return opened.get(Math.max(1, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
    } catch (java.util.concurrent.TimeoutException e) {
      return noConnection("no answer in time", "the Machine may still be starting");
    } catch (Exception e) {
      return noConnection(String.valueOf(e.getMessage()), "the wait was interrupted");
    }
  }

  private void read(RawResponse response, CompletableFuture<Failure> opened) {
    try (var in =
        new BufferedReader(new InputStreamReader(response.getContent(), StandardCharsets.UTF_8))) {
      if (response.getStatus() != 200) {
        var body = new StringBuilder();
        for (var line = in.readLine(); line != null; line = in.readLine()) body.append(line);
        opened.complete(refusal(response.getStatus(), body.toString()));
        return;
      }
      stream = response.getContent();
      opened.complete(null);
      for (var line = in.readLine(); line != null; line = in.readLine()) {
        var json = line.startsWith("data:") ? line.substring(5) : line;
        try {
          var message = Fly.JSON.readTree(json);
          if (message.isObject()) lines.add(new Line(message));
        } catch (JsonProcessingException e) {
          story.say("not JSON-RPC, passed over: %s", line);
        }
      }
    } catch (IOException e) {
      // cut off: the end of the stream, as below
    }
    lines.add(new Line(null));
  }

  private Failure refusal(int status, String body) {
    var reason = reason(body);
    if (status == 401 || status == 403) {
      return new Failure(
          false,
          false,
          reason,
          new FlyException(
              "the MCP server asks for a token",
              "%s (%d from %s)".formatted(reason, status, url),
              "export FLY_MCP_BEARER_TOKEN=...",
              FlyException.TOKEN));
    }
    var why = "%s (%d from %s)".formatted(reason, status, url);
    return switch (status) {
      case 409 ->
          new Failure(
              true,
              false,
              "Another client holds the only reply stream",
              new FlyException(
                  "another client holds the reply stream",
                  why + ": fly mcp wrap serves one client at a time",
                  "end the other client (an MCP client, a curl -N), then run this again",
                  NO_CONNECTION));
      case 408, 425, 429, 502, 503, 504 -> new Failure(true, status == 502, reason, broken(why));
      default -> new Failure(false, false, reason, broken(why));
    };
  }

  private Failure unreachable(UnirestException e) {
    var reason = FlyException.reason(e);
    return noConnection(reason + " (" + url + ")", reason);
  }

  private Failure noConnection(String why, String reason) {
    return new Failure(true, false, "No connection yet: " + reason, broken(why));
  }

  private static FlyException broken(String why) {
    return new FlyException(
        "no connection to the MCP server",
        why,
        "look at the Machine: " + fly.Cli.hint("fly-status"),
        NO_CONNECTION);
  }

  private static String reason(String body) {
    try {
      var error = Fly.JSON.readTree(body).path("error");
      if (error.isTextual()) return error.asText();
      if (error.path("message").isTextual()) return error.path("message").asText();
    } catch (JsonProcessingException e) {
      // plain text, then
    }
    var text = body == null || body.isBlank() ? "no message" : body.strip();
    return text.length() > 300 ? text.substring(0, 300) + "..." : text;
  }

  private long secondsLeft() {
    return TimeUnit.NANOSECONDS.toSeconds(deadline - System.nanoTime());
  }

  private static void pause() {
    try {
      TimeUnit.NANOSECONDS.sleep(PAUSE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
