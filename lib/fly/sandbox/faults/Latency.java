//SOURCES ../../FlyException.java Faults.java ../model/ApiError.java ../model/Clock.java ../model/GoDuration.java
//SOURCES ../model/JsonNodes.java
package fly.sandbox.faults;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import fly.FlyException;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Clock;
import fly.sandbox.model.GoDuration;
import fly.sandbox.model.JsonNodes;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Delays of API answers, of creating and of starting Machines; none by default. */
public final class Latency {
  private static final Set<String> NAMES = Set.of("api", "create", "start");
  private static final String EXAMPLE = "start=300ms,create=2s,api=20ms";

  private final Clock clock;
  private volatile Map<String, Duration> delays = Map.of();

  Latency(Clock clock) {
    this.clock = clock;
  }

  /**
   * @param text such as {@code start=300ms,create=2s,api=20ms}; empty for no delay
   * @throws FlyException if the text has another format
   */
  void set(String text) {
    var all = new LinkedHashMap<String, Duration>();
    for (var part : text.split(",")) {
      if (part.isBlank()) continue;
      var pair = part.strip().split("=", 2);
      if (pair.length < 2 || !NAMES.contains(pair[0])) throw malformed(part);
      try {
        all.put(pair[0], GoDuration.of(TextNode.valueOf(pair[1]), Duration.ZERO));
      } catch (ApiError e) {
        throw malformed(part);
      }
    }
    delays = all;
  }

  private static FlyException malformed(String part) {
    return Faults.malformed(
        "latency", part, "the times are of api, create and start, such as 300ms or 2s", EXAMPLE);
  }

  boolean isOff() {
    return delays.isEmpty();
  }

  /** Waits for the delay of this name. */
  void pass(String name) throws InterruptedException {
    var delay = delays.get(name);
    if (delay != null) clock.pass(delay);
  }

  /** Runs a task after the delay of this name, or at once without one. */
  public void after(String name, Runnable task) {
    var delay = delays.getOrDefault(name, Duration.ZERO);
    if (delay.isZero()) task.run();
    else clock.later(delay, task);
  }

  ObjectNode json() {
    var json = JsonNodes.object();
    delays.forEach((name, delay) -> json.put(name, delay.toMillis() + "ms"));
    return json;
  }
}
