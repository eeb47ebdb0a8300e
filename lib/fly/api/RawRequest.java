//SOURCES ../Access.java ../Deadline.java ../Fly.java ../FlyException.java ../Network.java ../Refusals.java
//SOURCES ../Settings.java ../Token.java
package fly.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Access;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.Network;
import fly.Refusals;
import fly.Settings;
import fly.Token;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import kong.unirest.core.HttpResponse;
import kong.unirest.core.UnirestException;

/** One request, sent once as given, and its unchanged answer. */
public final class RawRequest {
  public static final String GRAPHQL = "/graphql";

  private final String method;
  private final String path;
  private final Map<String, String> query;
  private final JsonNode body;
  private final Map<String, String> headers;
  private Token token;

  /**
   * An answer.
   *
   * @param head the status line and the headers, as lines
   */
  public record Answer(int status, String head, String requestId, String body) {
    /** The body as JSON, or null if it is none. */
    public JsonNode json() {
      try {
        return body.isBlank() ? null : Fly.JSON.readTree(body);
      } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
        return null;
      }
    }
  }

  /**
   * @param path from {@code /v1} on, or {@link #GRAPHQL}
   * @param body or null
   */
  public RawRequest(
      String method,
      String path,
      Map<String, String> query,
      JsonNode body,
      Map<String, String> headers) {
    this.method = method;
    this.path = path;
    this.query = new LinkedHashMap<>(query);
    this.body = body;
    this.headers = headers;
  }

  /** The path with its query. */
  public String target() {
    var target = new StringBuilder(path);
    var mark = path.contains("?") ? "&" : "?";
    for (var part : query.entrySet()) {
      target
          .append(mark)
          .append(encoded(part.getKey()))
          .append("=")
          .append(encoded(part.getValue()));
      mark = "&";
    }
    return target.toString();
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /**
   * Sends it. Any whole answer is returned; without one a {@link FlyException} is thrown.
   *
   * @param limit for the request and its answer together
   */
  public Answer send(Duration limit) {
    var url = url();
    Access.requireSafe(url);
    token = Token.parse(Settings.requireApiToken());
    var authorization = path.equals(GRAPHQL) ? token.graphqlHeader() : token.header();
    try (var http = Fly.http()) {
      var request =
          http.request(method, url)
              .header("Authorization", authorization)
              .requestTimeout((int) Deadline.clock().real(limit).toMillis());
      request.headers(headers);
      HttpResponse<String> response =
          body == null
              ? request.asString()
              : request.header("Content-Type", "application/json").body(body.toString()).asString();
      var head =
          new StringBuilder(
              "HTTP/1.1 %d %s\n"
                  .formatted(response.getStatus(), response.getStatusText())
                  .replace(" \n", "\n"));
      response.getHeaders().all().stream()
          .filter(h -> !h.getName().startsWith("X-Wire-"))
          .forEach(h -> head.append(h.getName()).append(": ").append(h.getValue()).append("\n"));
      var text = response.getBody() == null ? "" : response.getBody();
      var success = response.getStatus() / 100 == 2; // its tokens are the result
      return new Answer(
          response.getStatus(),
          success ? head.toString() : token.hide(head.toString()),
          response.getHeaders().getFirst("fly-request-id"),
          success ? text : token.hide(text));
    } catch (UnirestException e) {
      throw Refusals.unanswered(method, url, e);
    }
  }

  /** The answer's failure, without the token that it may repeat; null if it is a success. */
  public FlyException failure(Answer answer) {
    var failure = failureOf(answer);
    return failure == null ? null : token.hide(failure);
  }

  private FlyException failureOf(Answer answer) {
    var json = answer.json();
    if (answer.status() < 200 || answer.status() >= 300) {
      var error = Fly.JSON.createObjectNode().put("error", answer.body().strip());
      return Refusals.refused(
          method, url(), answer.status(), answer.requestId(), json == null ? error : json);
    }
    if (path.equals(GRAPHQL) && json != null && json.path("errors").size() > 0) {
      var refusal = Refusals.refusedByGraphQl(url(), answer.requestId(), json.path("errors"));
      var mutation = Fly.mutates(body.path("query").asText());
      return mutation && Refusals.partly(json) ? Refusals.ambiguous(refusal) : refusal;
    }
    return null;
  }

  /**
   * Follows {@code next_cursor} from page to page.
   *
   * @param limit for each page
   * @return the pages as one: the elements of their lists joined
   * @throws FlyException if a page is refused, or is not JSON
   */
  public JsonNode allPages(Duration limit) {
    JsonNode all = null;
    for (var seen = new HashSet<String>(); ; ) {
      var answer = send(limit);
      var failure = failure(answer);
      if (failure != null) throw failure;
      var page = answer.json();
      if (page == null) throw token.hide(noPage(answer));
      all = all == null ? page : joined(all, page);
      var next = page.path("next_cursor").asText("");
      if (next.isEmpty()) return all;
      if (!seen.add(next)) throw Refusals.endless(url());
      query.put("cursor", next);
    }
  }

  private FlyException noPage(Answer answer) {
    var text = answer.body().strip();
    return new FlyException(
        "a page of the list is not JSON",
        "%s (%d from %s %s)"
            .formatted(
                text.isEmpty() ? "it is empty" : text.substring(0, Math.min(200, text.length())),
                answer.status(),
                method,
                Network.shown(url())),
        "the same without --paginate shows the first page as it is");
  }

  private static JsonNode joined(JsonNode all, JsonNode page) {
    if (all instanceof ArrayNode list && page.isArray()) return list.addAll((ArrayNode) page);
    if (!(all instanceof ObjectNode object)) return page;
    for (var member : page.properties()) {
      var there = object.path(member.getKey());
      if (there instanceof ArrayNode list && member.getValue().isArray()) {
        list.addAll((ArrayNode) member.getValue());
      } else {
        object.set(member.getKey(), member.getValue());
      }
    }
    if (!page.has("next_cursor")) object.remove("next_cursor");
    return object;
  }

  /** Prints the request as curl instead. */
  public void show(Fly dryRun) {
    if (path.equals(GRAPHQL)) {
      dryRun.graphql(body.path("query").asText(), body.path("variables"));
    } else {
      switch (method) {
        case "GET" -> dryRun.get(target());
        case "PUT" -> dryRun.put(target(), body);
        case "DELETE" -> dryRun.delete(target());
        case "POST" -> dryRun.post(target(), body);
        default ->
            throw FlyException.usage(
                "no curl for " + method, "-n shows GET, POST, PUT and DELETE", "run it without -n");
      }
    }
  }

  private String url() {
    var hostname =
        path.equals(GRAPHQL) ? Settings.FLY_API_BASE_URL.get() : Settings.FLY_API_HOSTNAME.get();
    return hostname.replaceFirst("/+$", "") + target();
  }
}
