//SOURCES Json.java Wire.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import kong.unirest.core.RawResponse;

/**
 * The one reader of answers. It accepts an answer only in the shape that its request declares. An
 * answer that cannot be read is never an empty list, and never "nothing there".
 *
 * @param body whole: {@link Wire} refuses one that was cut
 * @param openEnded the body has neither a length nor chunks, so a cut would not show
 */
record Answer(
    int status,
    byte[] body,
    boolean openEnded,
    String requestId,
    String retryAfter,
    String location) {

  /**
   * The required shape of a request's answer.
   *
   * @param words for a message
   * @param empty an empty body fits
   * @param absence the answer may report that something does not exist
   */
  record Shape(String words, Predicate<JsonNode> fits, boolean empty, boolean absence) {
    static final Shape LIST =
        new Shape("a list of objects", json -> objects(json, null), false, true);
    static final Shape OBJECT = new Shape("an object", Shape::plain, false, true);
    static final Shape JSON =
        new Shape("an object or a list", json -> json.isArray() || Shape.plain(json), false, true);

    /** An action's answer, which may be empty. */
    static final Shape DONE = new Shape("an object or nothing", Shape::plain, true, false);

    /** Any shape, for a request that this library does not know. */
    static final Shape ANY =
        new Shape("an object, a list or nothing", JsonNode::isContainerNode, true, false);

    /** An object that reports no error: some proxies do so in a 200. */
    private static boolean plain(JsonNode json) {
      return json.isObject()
          && !json.has("error")
          && !json.has("errors")
          && json.path("ok").asBoolean(true);
    }

    /** True for a list of objects only, each with a text in this field; null for no field. */
    private static boolean objects(JsonNode json, String field) {
      for (var one : json) if (!one.isObject() || field != null && !text(one, field)) return false;
      return json.isArray();
    }

    private static boolean text(JsonNode json, String field) {
      return json.path(field).isTextual() && ONE_WORD.matcher(json.path(field).asText()).matches();
    }

    /** The same shape for an answer about one thing: if the field is there, it has this text. */
    private Shape about(String field, String text) {
      Predicate<JsonNode> same =
          json -> !json.path(field).isTextual() || json.path(field).asText().equals(text);
      return new Shape(
          words + " whose \"" + field + "\" is \"" + text + "\"", fits.and(same), empty, absence);
    }

    /** An object with this text. */
    static Shape with(String field) {
      return new Shape("an object with \"" + field + "\"", json -> text(json, field), false, false);
    }

    /** A list of objects with this text. */
    static Shape listOf(String field) {
      return new Shape(
          "a list of objects with \"" + field + "\"", json -> objects(json, field), false, true);
    }

    /** An object with this list of objects, each with a text. */
    static Shape listing(String list, String field) {
      return new Shape(
          "an object with the list \"" + list + "\"",
          json -> objects(json.path(list), field),
          false,
          true);
    }

    /** A GraphQL answer whose data has the query's first field. */
    static Shape data(String query) {
      var match = ASKED.matcher(query);
      var field = !match.find() ? null : match.group(1) != null ? match.group(1) : match.group(2);
      return new Shape(
          "GraphQL data" + (field == null ? "" : " with \"" + field + "\""),
          json ->
              json.path("errors").size() > 0
                  || json.path("data").isObject()
                      && (field == null || json.path("data").hasNonNull(field)),
          false,
          true);
    }

    /** A list, by its path. */
    static Shape list(String path) {
      var documented = of("GET", path);
      return documented == JSON ? LIST : documented;
    }

    /** The same for a request with this body: something new has the requested name. */
    static Shape of(String method, String path, JsonNode body) {
      var shape = of(method, path);
      var name = body == null ? "" : body.path("name").asText("");
      var creates = method.equals("POST") && CREATES.matcher(path).matches();
      return creates && !name.isEmpty() ? shape.about("name", name) : shape;
    }

    /** The shape that the Machines API documents; JSON of any kind for an unknown path. */
    static Shape of(String method, String path) {
      var documented = withoutIds(path);
      var known = DOCUMENTED.get(method + " " + documented);
      if (known != null && ONE.matcher(documented).matches()) {
        var id = path.replaceFirst("\\?.*", "").replaceFirst(".*/", "");
        return known.about("id", URLDecoder.decode(id, StandardCharsets.UTF_8));
      }
      if (known != null) return known;
      if (method.equals("GET")) return JSON;
      return path.startsWith("/v1/apps") ? DONE : ANY;
    }
  }

  /** An id, a name or an address: it becomes a part of paths, and a line of a list. */
  private static final Pattern ONE_WORD = Pattern.compile("(?!\\.{1,2}$)[^\\s/\\p{Cntrl}]+");

  private static final Pattern ONE = Pattern.compile(".*/(machines|volumes)/\\*");

  private static final Pattern CREATES = Pattern.compile("/v1/apps(/[^/]+/(machines|volumes))?");

  private static final Pattern ASKED = Pattern.compile("\\{\\s*(?:(\\w+)\\s*:\\s*)?(\\w+)");

  private static final Map<String, Shape> DOCUMENTED =
      Map.ofEntries(
          Map.entry("GET /v1/apps", Shape.listing("apps", "name")),
          Map.entry("GET /v1/apps/*", Shape.with("id")),
          Map.entry("GET /v1/apps/*/machines", Shape.listOf("id")),
          Map.entry("GET /v1/apps/*/machines/*", Shape.with("id")),
          Map.entry("GET /v1/apps/*/machines/*/versions", Shape.LIST),
          Map.entry("GET /v1/apps/*/machines/*/events", Shape.LIST),
          Map.entry("GET /v1/apps/*/machines/*/ps", Shape.LIST),
          Map.entry("GET /v1/apps/*/machines/*/wait", Shape.OBJECT),
          Map.entry("GET /v1/apps/*/volumes", Shape.listOf("id")),
          Map.entry("GET /v1/apps/*/volumes/*", Shape.with("id")),
          Map.entry("GET /v1/apps/*/volumes/*/snapshots", Shape.LIST),
          Map.entry("GET /v1/apps/*/ip_assignments", Shape.listing("ips", "ip")),
          Map.entry("GET /v1/apps/*/secrets", Shape.listing("secrets", "name")),
          Map.entry("GET /v1/orgs/*/machines", Shape.listing("machines", "id")),
          Map.entry("GET /v1/orgs/*/volumes", Shape.listing("volumes", "id")),
          Map.entry("GET /v1/tokens/current", Shape.listing("tokens", null)),
          Map.entry("GET /v1/platform/regions", Shape.listing("regions", null)),
          Map.entry("GET /api/v1/apps/*/logs", Shape.listing("data", null)),
          Map.entry("POST /v1/apps/*/machines", Shape.with("id")),
          Map.entry("POST /v1/apps/*/machines/*", Shape.with("id")),
          Map.entry("POST /v1/apps/*/machines/*/exec", Shape.OBJECT),
          Map.entry("POST /v1/apps/*/volumes", Shape.with("id")),
          Map.entry("POST /v1/apps/*/volumes/*", Shape.with("id")),
          Map.entry("POST /v1/apps/*/ip_assignments", Shape.with("ip")));

  private static final Set<String> COLLECTIONS = Set.of("apps", "machines", "volumes", "orgs");

  /** The path as the documentation writes it, with an asterisk for each id, without its query. */
  private static String withoutIds(String path) {
    var query = path.indexOf('?');
    var segments = (query < 0 ? path : path.substring(0, query)).split("/");
    for (int i = 1; i < segments.length; i++) {
      if (COLLECTIONS.contains(segments[i - 1])) segments[i] = "*";
    }
    return String.join("/", segments);
  }

  static Answer of(RawResponse raw) {
    var headers = raw.getHeaders();
    return new Answer(
        raw.getStatus(),
        raw.getContentAsBytes(),
        !headers.getFirst(Wire.OPEN_ENDED).isEmpty(),
        headers.getFirst("fly-request-id"),
        headers.getFirst("Retry-After"),
        headers.getFirst("Location"));
  }

  boolean success() {
    return status >= 200 && status < 300;
  }

  /** The failure of a complete answer whose shape is not the declared one. */
  static final class Unreadable extends IOException {
    private static final long serialVersionUID = 1;

    Unreadable(String why) {
      super(why);
    }
  }

  /** The JSON of a success, in this shape; an empty object for an allowed empty body. */
  JsonNode read(Shape shape) throws Unreadable {
    if (status > 205) throw new Unreadable("it is a part, or several answers in one: " + start());
    if (blank()) {
      if (shape.empty && !openEnded) return Json.USUAL.createObjectNode();
      throw new Unreadable("it is empty, and " + shape.words + " is expected");
    }
    JsonNode json;
    try {
      json = Json.STRICT.readTree(body);
    } catch (IOException e) {
      var twice = e.getMessage().startsWith("Duplicate field") ? ", or has a key twice: " : ": ";
      throw new Unreadable("it is not JSON" + twice + start());
    }
    if (!shape.fits.test(json)) {
      throw new Unreadable("it is not " + shape.words + ": " + start());
    }
    if (shape.absence && status != 200 && status != 203) {
      throw new Unreadable("it is a " + status + ", which does not say what is there: " + start());
    }
    if (shape.absence && openEnded) {
      throw new Unreadable("it has neither a length nor chunks: nothing proves that it is whole");
    }
    return json;
  }

  /** The JSON of a refusal; text that is not JSON is its error. */
  JsonNode refusal() {
    if (blank()) return Json.USUAL.createObjectNode();
    try {
      var json = Json.USUAL.readTree(body);
      if (json.isObject()) return json;
    } catch (IOException e) {
      // quoted below
    }
    return Json.USUAL.createObjectNode().put("error", start());
  }

  private boolean blank() {
    for (var one : body) if (one > ' ' || one < 0) return false;
    return true;
  }

  /** The beginning of a text, for a message. */
  String start() {
    var text = new String(body, 0, Math.min(body.length, 2000), StandardCharsets.UTF_8);
    text = text.strip();
    return text.length() <= 200 ? text : text.substring(0, 200) + "...";
  }
}
