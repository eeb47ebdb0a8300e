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

  private record Event(
      String id, String type, String status, String source, long timestamp, JsonNode request) {
    static Event of(JsonNode record) {
      return new Event(
          record.path("id").asText(),
          record.path("type").asText(),
          record.path("status").asText(),
          record.path("source").asText(),
          record.path("timestamp").asLong(),
          record.get("request"));
    }

    ObjectNode json() {
      var json =
          JsonNodes.object()
              .put("id", id)
              .put("type", type)
              .put("status", status)
              .put("source", source)
              .put("timestamp", timestamp);
      if (request != null) json.set("request", request);
      return json;
    }
  }

  private record Version(String id, JsonNode config) {
    ObjectNode json() {
      return JsonNodes.object().put("version", id).set("user_config", config);
    }
  }

  private final Deque<Event> events = new ArrayDeque<>(1);
  private final Deque<Version> versions = new ArrayDeque<>(1);

  void restore(JsonNode record) {
    for (var one : record.path("versions")) {
      versions.addLast(new Version(one.path("version").asText(), one.path("user_config")));
    }
    for (var one : record.path("events")) events.addLast(Event.of(one));
  }

  void writeTo(ObjectNode record) {
    record.set("versions", versions());
    record.set("events", JsonNodes.list(events, Event::json));
  }

  void addEvent(Instant now, String type, MachineState status, String source, ObjectNode request) {
    var id = Ids.ulid(now, events.isEmpty() ? "" : newestEvent());
    if (events.size() == EVENTS) events.removeLast();
    events.addFirst(new Event(id, type, status.toString(), source, now.toEpochMilli(), request));
  }

  /** The id of the newest event. */
  String newestEvent() {
    return events.getFirst().id();
  }

  boolean has(String type) {
    return events.stream().anyMatch(event -> event.type().equals(type));
  }

  List<ObjectNode> events() {
    return events.stream().map(Event::json).toList();
  }

  void showEvents(ArrayNode list) {
    var left = EVENTS_SHOWN;
    for (var event : events) if (left-- > 0) list.add(event.json());
  }

  void addVersion(String version, ObjectNode config) {
    versions.addFirst(new Version(version, config));
  }

  JsonNode versions() {
    return JsonNodes.list(versions, Version::json);
  }
}
