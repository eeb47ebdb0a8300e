//SOURCES ../Deadline.java ../Fly.java ../FlyException.java ../Story.java ../Volume.java
package fly.fleet;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.Story;
import fly.Volume;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Destroys an app in the order that Fly.io asks for: Machines, then volumes, then the app. */
public final class AppTeardown {
  private static final int AT_ONCE = 20;

  /** A volume may stay attached for up to a minute after its Machine is destroyed. */
  private static final long DETACH_NS = TimeUnit.SECONDS.toNanos(60);

  private final Fly fly;
  private final Story story;
  private final String app;

  public AppTeardown(Fly fly, Story story, String app) {
    this.fly = fly;
    this.story = story;
    this.app = app;
  }

  /** The app and what it holds. */
  public record Contents(
      JsonNode app, List<JsonNode> machines, List<JsonNode> volumes, List<JsonNode> ips) {
    /** A line for each thing, for people. */
    public List<String> lines() {
      var lines = new ArrayList<String>();
      for (var machine : machines) {
        lines.add("Machine %s (%s)".formatted(id(machine), machine.path("state").asText()));
      }
      for (var volume : volumes) {
        var name = volume.path("name").asText();
        var size = volume.path("size_gb").asText();
        lines.add("volume %s (%s, %s GB, with all its data)".formatted(id(volume), name, size));
      }
      for (var ip : ips) lines.add("IP address " + ip.path("ip").asText());
      lines.add("app " + app.path("name").asText());
      return lines;
    }
  }

  /** Reads the app; empty if there is none. */
  public Optional<Contents> look() {
    var there = fly.find("/v1/apps/{app}", app);
    if (there.isEmpty()) return Optional.empty();
    var ips = new ArrayList<JsonNode>();
    fly.get("/v1/apps/{app}/ip_assignments", app).path("ips").forEach(ips::add);
    return Optional.of(
        new Contents(
            there.get(),
            fly.list("/v1/apps/{app}/machines", app),
            fly.volumes(app).stream().map(Volume::json).toList(),
            ips));
  }

  /**
   * Destroys all of it.
   *
   * @throws FlyException if something is still there
   */
  public void destroy(Contents contents) {
    var failures = new ArrayList<String>();
    attempt(failures, contents.machines(), "Machine", this::destroyMachine);
    attempt(failures, contents.volumes(), "volume", this::destroyVolume);
    if (failures.isEmpty()) {
      story.say("Destroying the app %s, its IP addresses with it ...", app);
      attempt(failures, List.of(contents.app()), "app", x -> fly.delete("/v1/apps/{app}", app));
    }
    if (failures.isEmpty()) return;
    throw new FlyException(
        "not everything is gone: the app %s is still there".formatted(app),
        String.join("; ", failures),
        "run this again, or look: fly-status");
  }

  private interface Step {
    void on(JsonNode thing);
  }

  /**
   * Destroys each thing; a missing one counts as destroyed, and a failure does not stop the rest.
   */
  private void attempt(List<String> failures, List<JsonNode> things, String kind, Step step) {
    var failed =
        fly.each(
            things,
            fly.dryRun() ? 1 : AT_ONCE, // one by one, they are printed in order
            thing -> {
              if (!kind.equals("app")) story.say("Destroying the %s %s ...", kind, id(thing));
              try {
                step.on(thing);
              } catch (FlyException e) {
                if (e.status != 404) throw e;
              }
            });
    for (var failure : failed.values()) {
      if (failure.exitCode == FlyException.TOKEN) throw failure;
      story.insist("warning: %s: %s", failure.what, failure.why);
      failures.add(failure.why);
    }
  }

  private void destroyMachine(JsonNode machine) {
    var path = "/v1/apps/{app}/machines/{machine}";
    fly.delete(path + "?force=true", app, id(machine));
    fly.get(path + "/wait?state=destroyed&timeout=60", app, id(machine));
  }

  void destroyVolume(JsonNode volume) {
    var end = Deadline.clock().nanos() + DETACH_NS;
    while (true) {
      try {
        fly.delete("/v1/apps/{app}/volumes/{volume}", app, id(volume));
        return;
      } catch (FlyException e) {
        var bound = e.status == 412 && e.why.contains("bound");
        if (!bound || Deadline.clock().nanos() > end) throw e;
        Deadline.sleep(Duration.ofSeconds(2));
      }
    }
  }

  private static String id(JsonNode thing) {
    return thing.path("id").asText();
  }
}
