//SOURCES ../Fly.java ../FlyException.java ../Settings.java Fields.java Operations.java RawRequest.java
package fly.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import fly.Settings;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A request as the command line describes it, by the rules of {@code gh api}. */
public final class Call {
  private static final Pattern PLACEHOLDER = Pattern.compile("\\{(\\w+)}");
  private static final String NEEDED = "fly-api --ops lists the operations with their parameters";

  private final Operations.Operation operation;
  private final boolean graphql;
  private final String path;
  private final String app;
  private final ObjectNode fields = Fly.JSON.createObjectNode();
  private final Map<String, String> headers = new LinkedHashMap<>();
  private String method;
  private JsonNode body;

  /**
   * @param target a path, an operation's id, or {@code graphql}
   * @param method or null
   * @param app or null
   */
  public Call(String target, String method, String app) {
    if (target == null) throw FlyException.usage("nothing to send", "no PATH is given", NEEDED);
    if (target.contains("://")) {
      throw FlyException.usage(
          target + " is a URL, and not a path",
          "it would go below " + Settings.FLY_API_HOSTNAME.get() + ", with your token",
          "the part of it from /v1 on");
    }
    this.app = app;
    this.method = method;
    graphql = target.matches("/?graphql");
    var isPath = target.contains("/") || Operations.beginsPath(target);
    operation = graphql || isPath ? null : Operations.find(target).orElse(null);
    if (!graphql && !isPath && operation == null) {
      throw Operations.unknown(target);
    }
    if (operation != null && method == null) this.method = operation.method();
    path = graphql ? RawRequest.GRAPHQL : path(operation == null ? target : operation.path());
  }

  /** A path from {@code /v1} on, however it was written. */
  private static String path(String text) {
    var path = text.startsWith("/") ? text : "/" + text;
    return path.matches("/(v1|api|graphql)(/.*)?") ? path : "/v1" + path;
  }

  /** Adds {@code KEY=VALUE}. */
  public void field(String field, boolean typed) {
    Fields.put(fields, field, typed);
  }

  /** Adds {@code NAME:VALUE}. */
  public void header(String header) {
    var parts = header.split(":", 2);
    var latin = header.chars().allMatch(character -> character < 0x100); // as HTTP/1.1 sends it
    var line = latin && header.lines().count() == 1 && !parts[0].isBlank();
    if (parts.length < 2 || !line)
      throw FlyException.usage(
          "no header: " + header, "NAME:VALUE, in one line of Latin-1", "-H a:b");
    headers.put(parts[0].strip(), parts[1].strip());
  }

  /** Takes this as the body; fields then go into the query. */
  public void body(JsonNode body) {
    this.body = body;
  }

  /** Changes the body that was taken. */
  public void change(Consumer<ObjectNode> changes, boolean wanted) {
    if (!wanted) return;
    if (body instanceof ObjectNode object) changes.accept(object);
    else throw FlyException.usage("--set has nothing to change", "--input is no object", NEEDED);
  }

  /** The request, complete. */
  public RawRequest request(boolean paginate) {
    if (method == null) method = graphql || body != null || !fields.isEmpty() ? "POST" : "GET";
    method = method.toUpperCase(java.util.Locale.ROOT);
    if (paginate && (!method.equals("GET") || body != null)) {
      throw FlyException.usage(
          "--paginate is for GET without a body", "this is a " + method, "leave --paginate out");
    }
    var filled = PLACEHOLDER.matcher(path).replaceAll(m -> Matcher.quoteReplacement(value(m)));
    var query = new LinkedHashMap<String, String>();
    var bodyless = method.equals("GET") || body != null;
    for (var field : List.copyOf(fields.properties())) {
      var known = operation != null && operation.query().contains(field.getKey());
      if (!graphql && (bodyless || known)) {
        query.put(field.getKey(), field.getValue().asText());
        fields.remove(field.getKey());
      }
    }
    if (graphql && body == null) body = graphqlBody();
    else if (body == null && !fields.isEmpty()) body = fields;
    return new RawRequest(method, filled, query, body, headers);
  }

  private ObjectNode graphqlBody() {
    var query = fields.remove("query");
    if (query == null)
      throw FlyException.usage("no query", "graphql needs one", "-f query='{...}'");
    var request = Fly.JSON.createObjectNode();
    request.set("query", query);
    request.set("variables", fields);
    return request;
  }

  private String value(java.util.regex.MatchResult placeholder) {
    var name = placeholder.group(1);
    var field = fields.remove(name);
    var value =
        field != null
            ? field.asText()
            : switch (name) {
              case "app", "app_name" -> app == null ? Settings.APP_NAME.require() : app;
              case "org", "org_slug" -> Settings.ORG.require();
              case "machine", "machine_id" -> Settings.MACHINE_ID.require();
              default ->
                  throw FlyException.usage(
                      "the path needs " + name, path + " names it", "-f " + name + "=...");
            };
    return URLEncoder.encode(value, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
