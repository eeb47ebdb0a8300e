//SOURCES Ids.java JsonNodes.java MachineState.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** The events and config versions of a Machine, newest first. Guarded by the Machine's monitor. */
final class MachineHistory {
  private static final int EVENTS = 50;
  private static final int EVENTS_SHOWN = 20;

  private final Deque<ObjectNode> events = new ArrayDeque<>();
  private final Deque<ObjectNode> versions = new ArrayDeque<>();

  void restore(JsonNode record) {
    for (var one : record.path("versions")) versions.addLast((ObjectNode) one);
    for (var one : record.path("events")) events.addLast((ObjectNode) one);
  }

  void writeTo(ObjectNode record) {
    record.putArray("versions").addAll(versions);
    record.putArray("events").addAll(events);
  }

  void addEvent(Instant now, String type, MachineState status, String source, ObjectNode request) {
    var event =
        JsonNodes.object()
            .put("id", Ids.ulid(now, events.isEmpty() ? "" : newestEvent()))
            .put("type", type)
            .put("status", status.toString())
            .put("source", source)
            .put("timestamp", now.toEpochMilli());
    if (request != null) event.set("request", request);
    if (events.size() == EVENTS) events.removeLast();
    events.addFirst(event);
  }

  /** The id of the newest event. */
  String newestEvent() {
    return events.getFirst().path("id").asText();
  }

  boolean has(String type) {
    return events.stream().anyMatch(event -> event.path("type").asText().equals(type));
  }

  List<ObjectNode> events() {
    return List.copyOf(events);
  }

  void showEvents(ArrayNode list) {
    events.stream().limit(EVENTS_SHOWN).forEach(list::add);
  }

  void addVersion(String version, ObjectNode config) {
    versions.addFirst(
        JsonNodes.object().put("version", version).<ObjectNode>set("user_config", config));
  }

  JsonNode versions() {
    return JsonNodes.list(versions, ObjectNode::deepCopy);
  }
}
