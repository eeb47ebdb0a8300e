//SOURCES ../Fly.java ../FlyException.java ../Template.java
package fly.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.Template;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.StreamSupport;

/** The operations of the Machines API, from the list that {@code ./jbang ops} derives. */
public final class Operations {
  /**
   * One operation.
   *
   * @param path with {name} for each parameter
   * @param parameters of the path
   * @param query names of the query
   * @param body names of the request body's fields
   */
  public record Operation(
      String id,
      String method,
      String path,
      String summary,
      List<String> parameters,
      List<String> query,
      List<String> body,
      JsonNode json) {}

  private Operations() {}

  /** The month of the API's description. */
  public static String date() {
    return document().path("date").asText();
  }

  public static List<Operation> all() {
    return StreamSupport.stream(document().path("operations").spliterator(), false)
        .map(
            json ->
                new Operation(
                    json.path("id").asText(),
                    json.path("method").asText(),
                    json.path("path").asText(),
                    json.path("summary").asText(),
                    names(json),
                    texts(json.path("query")),
                    texts(json.path("body")),
                    json))
        .toList();
  }

  /** The operations whose id, path or summary holds the word. */
  public static List<Operation> matching(String word) {
    var wanted = word.toLowerCase(Locale.ROOT);
    return all().stream()
        .filter(
            operation ->
                (operation.id() + " " + operation.path() + " " + operation.summary())
                    .toLowerCase(Locale.ROOT)
                    .contains(wanted))
        .toList();
  }

  /** The operations that match the word; refuses one that matches none. */
  public static List<Operation> found(String word) {
    var found = matching(word);
    if (found.isEmpty()) throw unknown(word);
    return found;
  }

  /** The operation of this id, upper and lower case alike. */
  public static Optional<Operation> find(String id) {
    return all().stream().filter(operation -> operation.id().equalsIgnoreCase(id)).findFirst();
  }

  /** True for the first part of a path, with or without a query: apps, apps?org_slug=x. */
  static boolean beginsPath(String text) {
    var first = text.split("\\?", 2)[0];
    return all().stream().anyMatch(operation -> operation.path().startsWith("/v1/" + first + "/"));
  }

  static FlyException unknown(String id) {
    var parts = id.split("_");
    var similar = matching(parts[parts.length - 1]).stream().map(Operation::id).limit(5).toList();
    return FlyException.usage(
        id + " is no path and no operation",
        "a path begins with /, such as /v1/apps"
            + (similar.isEmpty() ? "" : "; similar operations: " + String.join(", ", similar)),
        "fly-api --ops lists all operations");
  }

  private static List<String> names(JsonNode operation) {
    var names = new ArrayList<String>();
    var parts = operation.path("path").asText().split("[{}]");
    for (int i = 1; i < parts.length; i += 2) names.add(parts[i]);
    return names;
  }

  private static List<String> texts(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
  }

  private static JsonNode document() {
    try {
      return Fly.JSON.readTree(Template.text("operations.json"));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
