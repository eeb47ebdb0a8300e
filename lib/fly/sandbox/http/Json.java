//SOURCES ../../Fly.java RequestLog.java ../model/ApiError.java ../model/BodyTypes.java ../model/JsonNodes.java
package fly.sandbox.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.BodyTypes;
import fly.sandbox.model.JsonNodes;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/** Reads the JSON of requests and sends the JSON of answers. */
public final class Json {
  private Json() {}

  public static Handler json(Function<Context, JsonNode> answer) {
    return x -> send(x, answer.apply(x));
  }

  public static void send(Context x, JsonNode json) {
    send(x, JsonNodes.bytes(json));
  }

  public static void send(Context x, byte[] json) {
    x.contentType("application/json").result(json);
  }

  /** Writes the result. The server's own writer would search each answer for a compression. */
  public static void write(Context x) {
    if (!(x.resultInputStream() instanceof ByteArrayInputStream result)) return;
    x.res().setContentLength(result.available());
    try {
      result.transferTo(x.res().getOutputStream());
    } catch (IOException e) {
      // the client has disconnected
    }
  }

  /** A list of items that are JSON already. */
  public static byte[] array(List<byte[]> items) {
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

  /** The values of a parameter that is repeated, or has commas between them. */
  public static Set<String> csv(Context x, String name) {
    var values = new ArrayList<String>();
    for (var value : x.queryParams(name)) values.addAll(List.of(value.split(",")));
    values.removeIf(String::isBlank);
    return new LinkedHashSet<>(values);
  }

  public static boolean flag(Context x, String name) {
    return "true".equals(x.queryParam(name));
  }

  public static int number(Context x, String name, int fallback) {
    var value = x.queryParam(name);
    if (value == null) return fallback;
    if (value.matches("\\d{1,9}")) return Integer.parseInt(value);
    throw ApiError.notWhole(name);
  }

  /** The number of rows of a page, at least one. */
  public static int limit(Context x, int usual, int most) {
    return Math.min(Math.max(number(x, "limit", usual), 1), most);
  }

  /** The body, whose fields have the types of this struct. */
  public static ObjectNode body(Context x, String struct) {
    return typed(parse(x), struct);
  }

  /** A body that was read, whose fields have the types of this struct. */
  public static ObjectNode body(byte[] body, String struct) {
    return typed(parse(() -> body), struct);
  }

  private static ObjectNode typed(JsonNode body, String struct) {
    if (body.isNull()) return JsonNodes.object(); // as Go takes it
    BodyTypes.check(body, struct);
    return (ObjectNode) body;
  }

  /** The body, or an empty object if there is none. */
  public static ObjectNode optionalBody(Context x, String struct) {
    return x.bodyAsBytes().length == 0 ? JsonNodes.object() : body(x, struct);
  }

  public static JsonNode parse(Context x) {
    return parse(
        () -> {
          var body = x.bodyAsBytes();
          RequestLog.body(x, body);
          return body;
        });
  }

  private static JsonNode parse(Supplier<byte[]> body) {
    try {
      var json = Fly.JSON.readTree(body.get());
      if (json.isMissingNode()) throw ApiError.invalidJson("the body is empty");
      return json;
    } catch (JsonProcessingException e) {
      throw ApiError.invalidJson(e.getOriginalMessage());
    } catch (IOException e) {
      throw ApiError.invalidJson(e.getMessage()); // not even characters, or an interrupted body
    }
  }
}
