//SOURCES ../../Fly.java
package fly.sandbox.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import java.io.UncheckedIOException;
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
    try {
      return Fly.JSON.writeValueAsBytes(json);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A text field; null if it is absent or null. */
  public static String string(JsonNode body, String field) {
    return body.path(field).asText(null);
  }
}
