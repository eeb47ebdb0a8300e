//SOURCES ../message/JsonRpcHead.java ../message/JsonRpcMessage.java McpProgram.java
package fly.mcp.wrap;

import fly.mcp.message.JsonRpcHead;
import fly.mcp.message.JsonRpcMessage;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One program for several sessions. Request ids and progress tokens of two sessions may be equal.
 * The program therefore gets numbers in their place, and each session gets its own values back.
 * Notifications go to all sessions. A request of the program goes to the session with the newest
 * open request, or to the last active one.
 */
final class SharedProgram implements McpProgram.Receiver {
  /** The value that a number replaces; {@code token} is the number of a request's token. */
  private record Given(Part part, String value, String key, String token) {}

  private final McpProgram program;
  private final Set<Part> parts = new LinkedHashSet<>();
  private final Map<String, Given> ids = new LinkedHashMap<>();
  private final Map<String, Given> tokens = new HashMap<>();
  private Part last;
  private long given;
  private String ending;

  SharedProgram(McpProgram program) {
    this.program = program;
    program.serve(this);
  }

  boolean over() {
    return !program.alive();
  }

  /** A share of the program, for one session. */
  McpProgram part() {
    return new Part();
  }

  private final class Part implements McpProgram {
    private Receiver receiver;

    @Override
    public void serve(Receiver receiver) {
      this.receiver = receiver;
      String over;
      synchronized (SharedProgram.this) {
        parts.add(this);
        over = ending;
      }
      if (over != null) receiver.ended(over);
    }

    @Override
    public void send(JsonRpcMessage message) throws IOException {
      try (var renamed = rename(this, message)) {
        program.send(renamed);
      }
    }

    @Override
    public boolean alive() {
      return program.alive();
    }

    @Override
    public boolean crashed() {
      return program.crashed();
    }

    @Override
    public int exitCode() throws InterruptedException {
      return program.exitCode();
    }

    @Override
    public String ending() {
      return program.ending();
    }

    @Override
    public void stop(Duration grace) {
      synchronized (SharedProgram.this) {
        parts.remove(this);
        ids.values().removeIf(id -> id.part() == this);
        tokens.values().removeIf(token -> token.part() == this);
        if (last == this) last = null;
      }
    }
  }

  private synchronized JsonRpcMessage rename(Part part, JsonRpcMessage message) throws IOException {
    last = part;
    var head = message.head();
    if (head.kind == JsonRpcHead.Kind.REQUEST) {
      var asked = head.progressToken;
      var token = asked == null ? null : give(tokens, part, asked, null, null);
      return message.with(give(ids, part, head.id, head.key, token), token);
    }
    if (head.kind == JsonRpcHead.Kind.NOTIFICATION && head.cancels != null) {
      for (var id : ids.entrySet()) {
        var mine = id.getValue().part() == part;
        if (mine && id.getValue().key().equals(head.cancels)) {
          taken(id.getKey());
          return message.with(null, id.getKey());
        }
      }
    }
    return message.with(null, null);
  }

  private String give(Map<String, Given> map, Part part, String value, String key, String token) {
    var number = String.valueOf(++given);
    map.put(number, new Given(part, value, key, token));
    return number;
  }

  /** Removes a request that gets no more replies or progress; null if it is not known. */
  private Given taken(String id) {
    var given = ids.remove(id);
    if (given != null && given.token() != null) tokens.remove(given.token());
    return given;
  }

  @Override
  public void said(JsonRpcMessage message) throws IOException, InterruptedException {
    var deliveries = new ArrayList<Map.Entry<Part, JsonRpcMessage>>();
    var head = message.head();
    synchronized (this) {
      if (head.kind == JsonRpcHead.Kind.RESPONSE) {
        var given = taken(head.id);
        if (given != null) deliver(deliveries, given.part(), message.with(given.value(), null));
      } else if (head.progressToken != null && tokens.containsKey(head.progressToken)) {
        var given = tokens.get(head.progressToken);
        deliver(deliveries, given.part(), message.with(null, given.value()));
      } else if (head.kind == JsonRpcHead.Kind.REQUEST) {
        var asked =
            ids.values().stream().map(Given::part).reduce((old, newer) -> newer).orElse(last);
        if (asked != null) deliver(deliveries, asked, message.with(null, null));
      } else {
        for (var part : parts) deliver(deliveries, part, message.with(null, null));
      }
    }
    message.close();
    for (var delivery : deliveries) delivery.getKey().receiver.said(delivery.getValue());
  }

  private static void deliver(
      List<Map.Entry<Part, JsonRpcMessage>> to, Part part, JsonRpcMessage message) {
    to.add(Map.entry(part, message));
  }

  @Override
  public void ended(String why) {
    List<Part> all;
    synchronized (this) {
      ending = why;
      all = List.copyOf(parts);
    }
    all.forEach(part -> part.receiver.ended(why));
  }
}
