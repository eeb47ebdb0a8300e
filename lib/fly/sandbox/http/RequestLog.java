//SOURCES ../../Count.java ../../Fly.java ../../ShellWord.java Redaction.java
package fly.sandbox.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Count;
import fly.Fly;
import fly.ShellWord;
import io.javalin.http.Context;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.regex.Pattern;

/**
 * The last requests to the API and to the apps. A request is kept as it came; its curl command is
 * made when a page shows it.
 */
public final class RequestLog {
  /** The number of requests that are kept. */
  static final int MOST = 200;

  /** Bytes of a body that is kept; of a larger body only the size is kept. */
  static final int LARGEST_BODY = 8 * 1024;

  private static final String BODY = "fly.sandbox.body";
  private static final String PATH = "fly.sandbox.path";
  private static final Pattern UNSAFE = Pattern.compile("[^\\w/.~?&=%:,+-]");

  private record Request(
      long id, long at, String method, String path, int status, float ms, byte[] body, int size) {}

  private final AtomicReferenceArray<Request> ring = new AtomicReferenceArray<>(MOST);
  private final AtomicLong count = new AtomicLong();

  /** Keeps the body of a request that was read, for {@link #add}. */
  static void body(Context x, byte[] body) {
    x.attribute(BODY, body);
  }

  /** Sets the path under {@code /edge/} of a request whose Host names an app, for {@link #add}. */
  public static void path(Context x, String path) {
    x.attribute(PATH, path);
  }

  /** Adds a request that has been answered. */
  public void add(Context x, float milliseconds) {
    String given = x.attribute(PATH);
    var path = given == null ? x.path() : given;
    if (!(path.startsWith("/v1/")
        || path.startsWith("/edge/")
        || path.startsWith("/api/")
        || path.equals("/graphql"))) return;
    var query = x.queryString();
    byte[] body = x.attribute(BODY);
    add(
        x.method().name(),
        query == null ? path : path + "?" + query,
        x.statusCode(),
        milliseconds,
        body);
  }

  public void add(String method, String path, int status, float milliseconds, byte[] body) {
    var id = count.incrementAndGet();
    var size = body == null ? 0 : body.length;
    var kept = size > LARGEST_BODY ? null : body;
    ring.set(
        (int) (id % MOST),
        new Request(
            id, System.currentTimeMillis(), method, path, status, milliseconds, kept, size));
  }

  /** The number of the last request; 0 before the first. */
  long last() {
    return count.get();
  }

  /**
   * The requests after this one, oldest first, as {@code {id, at, method, path, status, ms, curl}}.
   *
   * @param server the address before the paths in the curl commands
   * @param secrets values to hide
   */
  public List<ObjectNode> after(long id, String server, Collection<String> secrets) {
    var newer = new ArrayList<ObjectNode>();
    var newest = count.get();
    for (var next = Math.max(id, newest - MOST) + 1; next <= newest; next++) {
      var request = ring.get((int) (next % MOST));
      if (request == null || request.id() != next) continue; // not there yet, or overwritten
      var path = Redaction.text(request.path(), secrets);
      newer.add(
          Fly.JSON
              .createObjectNode()
              .put("id", next)
              .put("at", Instant.ofEpochMilli(request.at()).toString())
              .put("method", request.method())
              .put("path", path)
              .put("status", request.status())
              .put("ms", Math.round(request.ms() * 10) / 10.0)
              .put("curl", curl(request, server + path, secrets)));
    }
    return newer;
  }

  /** A command that is safe to paste into a shell, although its path comes from a client. */
  private static String curl(Request request, String url, Collection<String> secrets) {
    var safe =
        UNSAFE
            .matcher(url)
            .replaceAll(
                match -> {
                  var encoded = new StringBuilder();
                  for (var b : match.group().getBytes(StandardCharsets.UTF_8)) {
                    encoded.append("%%%02X".formatted(b));
                  }
                  return encoded.toString();
                });
    var command = new StringBuilder("curl -i");
    if (!request.method().equals("GET")) {
      command.append(" -X ").append(request.method().replaceAll("[^A-Z]", ""));
    }
    command.append(" \\\n");
    if (!request.path().startsWith("/edge/")) {
      command.append("-H \"Authorization: Bearer ${FLY_API_TOKEN}\" \\\n");
    }
    if (request.size() > 0) command.append("-H \"Content-Type: application/json\" \\\n");
    command.append('"').append(safe).append('"');
    if (request.size() > 0) {
      command.append(" \\\n-d ").append(ShellWord.quoted(body(request, secrets)));
    }
    return command.toString();
  }

  private static String body(Request request, Collection<String> secrets) {
    if (request.body() == null) return "(" + Count.of(request.size(), "byte") + ")";
    JsonNode json;
    try {
      json = Fly.JSON.readTree(request.body());
    } catch (JsonProcessingException e) {
      return "(" + Count.of(request.size(), "byte") + ", not JSON)";
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    var secret =
        request.path().matches("/v1/apps/[^/]+/secret.*")
            || request.path().startsWith("/v1/tokens");
    if (json.path("query").isTextual() && json.path("query").asText().contains("ecret")) {
      secret = true; // GraphQL may have the values in the text of the query
    }
    return Fly.pretty(secret ? Redaction.hide(json) : Redaction.json(json, secrets));
  }
}
