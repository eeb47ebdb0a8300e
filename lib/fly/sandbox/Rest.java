//SOURCES ../Fly.java ApiError.java SandboxServer.java Types.java
package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** What the routes of the REST API share: bodies in, JSON out. */
final class Rest {
  private Rest() {}

  static Handler json(Function<Context, JsonNode> answer) {
    return x -> send(x, answer.apply(x));
  }

  static void send(Context x, JsonNode json) {
    send(x, SandboxServer.bytes(json));
  }

  static void send(Context x, byte[] json) {
    x.contentType("application/json").result(json);
  }

  static ObjectNode object() {
    return Fly.JSON.createObjectNode();
  }

  static ObjectNode ok() {
    return object().put("ok", true);
  }

  static <T> JsonNode list(Iterable<T> items, Function<T, ObjectNode> json) {
    var list = Fly.JSON.createArrayNode();
    for (var item : items) list.add(json.apply(item));
    return list;
  }

  /** A list of what is JSON already. */
  static byte[] list(List<byte[]> items) {
    var list =
        new ByteArrayOutputStream(items.stream().mapToInt(item -> item.length + 1).sum() + 2);
    list.write('[');
    for (int i = 0; i < items.size(); i++) {
      if (i > 0) list.write(',');
      list.writeBytes(items.get(i));
    }
    list.write(']');
    return list.toByteArray();
  }

  /** Values that are repeated, or have commas between them. */
  static Set<String> csv(Context x, String name) {
    var values = new ArrayList<String>();
    for (var value : x.queryParams(name)) values.addAll(List.of(value.split(",")));
    values.removeIf(String::isBlank);
    return new LinkedHashSet<>(values);
  }

  static boolean flag(Context x, String name) {
    return "true".equals(x.queryParam(name));
  }

  static int number(Context x, String name, int fallback) {
    var value = x.queryParam(name);
    if (value == null) return fallback;
    if (value.matches("\\d{1,9}")) return Integer.parseInt(value);
    throw ApiError.invalid("invalid " + name + ", must be a whole number");
  }

  /** How many rows a page has: at least one. */
  static int limit(Context x, int usual, int most) {
    return Math.min(Math.max(number(x, "limit", usual), 1), most);
  }

  /** The body, whose fields have the types of this struct. */
  static ObjectNode body(Context x, String struct) {
    var body = SandboxServer.parse(x);
    if (body.isNull()) return object(); // as Go takes it
    Types.check(body, struct);
    return (ObjectNode) body;
  }

  /** As {@link #body}, where none will do as well. */
  static ObjectNode optionalBody(Context x, String struct) {
    return x.bodyAsBytes().length == 0 ? object() : body(x, struct);
  }

  /** A text; null where it is absent or null. */
  static String string(JsonNode body, String field) {
    return body.path(field).asText(null);
  }
}
