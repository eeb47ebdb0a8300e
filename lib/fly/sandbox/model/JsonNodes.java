//SOURCES ../../Fly.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import java.util.function.Function;

/** Builds and reads JSON values. */
public final class JsonNodes {
  private JsonNodes() {}

  public static ObjectNode object() {
    return Fly.JSON.createObjectNode();
  }

  public static ObjectNode ok() {
    return object().put("ok", true);
  }

  public static <T> JsonNode list(Iterable<T> items, Function<T, ObjectNode> json) {
    var list = Fly.JSON.createArrayNode();
    for (var item : items) list.add(json.apply(item));
    return list;
  }

  public static byte[] bytes(JsonNode json) {
    return Fly.JSON.writeValueAsBytes(json);
  }

  /** True if both have the same bytes: equal, with their fields in the same order. */
  static boolean same(JsonNode one, JsonNode other) {
    if (one.size() != other.size() || one.getNodeType() != other.getNodeType()) return false;
    if (!one.isContainerNode()) return one.equals(other);
    if (one.isArray()) {
      for (var i = 0; i < one.size(); i++) if (!same(one.get(i), other.get(i))) return false;
      return true;
    }
    var others = other.properties().iterator();
    for (var field : one.properties()) {
      var beside = others.next();
      if (!field.getKey().equals(beside.getKey())) return false;
      if (!same(field.getValue(), beside.getValue())) return false;
    }
    return true;
  }

  /** A text field; null if it is absent or null. */
  public static String string(JsonNode body, String field) {
    return body.path(field).asText(null);
  }
}
