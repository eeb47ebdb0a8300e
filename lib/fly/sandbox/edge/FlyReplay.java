//SOURCES ../../Fly.java ../model/ApiError.java ../model/Machine.java
package fly.sandbox.edge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Machine;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The header fly-replay, with which an app names the Machine that shall answer a request. See
 * https://fly.io/docs/networking/dynamic-request-routing/.
 *
 * @param app the app of that Machine; null for the same app
 * @param instance the id of the only allowed Machine; null for any
 * @param preferred the id of a Machine that is better than others; null for none
 * @param regions codes with commas between them, the best first; null for any
 * @param elsewhere any Machine but the one that sent the header
 * @param state a text for that Machine; null for none
 */
record FlyReplay(
    String app,
    String instance,
    String preferred,
    String regions,
    boolean elsewhere,
    String state) {
  static final String HEADER = "fly-replay";

  /** The type of a body with the same meaning. */
  static final String TYPE = "application/vnd.fly.replay+json";

  private static final Set<String> KEYS =
      Set.of(
          "app",
          "instance",
          "prefer_instance",
          "region",
          "elsewhere",
          "state",
          "timeout",
          "fallback");

  /** Parses {@code region=fra,ams;state=x}; a value may be in double quotes. */
  static FlyReplay parse(String header) {
    var values = new LinkedHashMap<String, String>();
    for (var part : header.split(";(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)")) {
      if (part.isBlank()) continue;
      var pair = part.strip().split("=", 2);
      if (pair.length < 2) throw malformed(header);
      values.put(pair[0].strip(), pair[1].strip().replaceAll("^\"|\"$", ""));
    }
    return of(values, header);
  }

  static FlyReplay parseJson(byte[] body) {
    var values = new LinkedHashMap<String, String>();
    JsonNode json;
    try {
      json = Fly.JSON.readTree(body);
    } catch (JsonProcessingException e) {
      throw malformed(e.getOriginalMessage());
    } catch (IOException e) {
      throw malformed(e.getMessage());
    }
    json.properties().forEach(field -> values.put(field.getKey(), text(field.getValue())));
    values.keySet().retainAll(KEYS);
    return of(values, json.toString());
  }

  private static String text(JsonNode value) {
    if (!value.isArray()) return value.asText();
    var items = new ArrayList<String>();
    value.forEach(item -> items.add(item.asText()));
    return String.join(",", items);
  }

  private static FlyReplay of(Map<String, String> values, String said) {
    var where = List.of("app", "instance", "prefer_instance", "region", "elsewhere");
    if (!KEYS.containsAll(values.keySet()) || where.stream().noneMatch(values::containsKey)) {
      throw malformed(said);
    }
    return new FlyReplay(
        values.get("app"),
        values.get("instance"),
        values.get("prefer_instance"),
        values.get("region"),
        "true".equals(values.get("elsewhere")),
        values.get("state"));
  }

  private static ApiError malformed(String said) {
    return ApiError.malformedReplay(said);
  }

  /**
   * The header fly-replay-src for the Machine that gets the request.
   *
   * @param microseconds since 1970
   */
  String source(Machine from, long microseconds) {
    var source = "instance=%s;region=%s;t=%d".formatted(from.id, from.region, microseconds);
    return state == null ? source : source + ";state=" + state;
  }
}
