//SOURCES ../Fly.java ../FlyException.java ../Refusals.java ../Volume.java
package fly.fleet;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.Refusals;
import fly.Volume;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Things of an organization that cost money without use: volumes that no Machine has, and dedicated
 * IPv4 addresses of apps without a Machine.
 */
public final class Orphans {
  /** States of a volume that is still being made. */
  private static final Set<String> BEING_MADE =
      Set.of("creating", "restoring", "hydrating", "enabling_remote_export");

  private final Fly fly;

  public Orphans(Fly fly) {
    this.fly = fly;
  }

  /**
   * A volume or an address without use.
   *
   * @param kind volume or address
   * @param id the volume's id, or the address
   * @param about its size, name and age, for people
   */
  public record Orphan(String kind, String app, String id, String about) {}

  /**
   * Finds the orphans.
   *
   * @param age younger ones are left out, because they may be about to be used
   */
  public List<Orphan> find(String organization, Duration age) {
    var orphans = new ArrayList<Orphan>();
    var before = Instant.now().minus(age);
    pages(
        "/v1/orgs/{org}/volumes",
        "volumes",
        organization,
        json -> {
          var volume = Volume.of(json);
          if (volume.gone() || BEING_MADE.contains(volume.state())) return;
          if (!volume.free() || younger(json, before)) return;
          orphans.add(
              new Orphan(
                  "volume",
                  text(json, "app_name"),
                  volume.id(),
                  "%s, %s GB in %s, created %s"
                      .formatted(
                          volume.name(),
                          text(json, "size_gb"),
                          volume.region(),
                          text(json, "created_at"))));
        });
    var used = new HashSet<String>();
    pages("/v1/orgs/{org}/machines", "machines", organization, m -> used.add(text(m, "app_name")));
    for (var app : fly.get("/v1/apps?org_slug={org}", organization).path("apps")) {
      var name = text(app, "name");
      if (used.contains(name) || app.path("machine_count").asInt() > 0) continue;
      var ips =
          fly.afresh().find("/v1/apps/{app}/ip_assignments", name).orElse(Fly.JSON.nullNode());
      for (var ip : ips.path("ips")) {
        var address = text(ip, "ip");
        if (ip.path("shared").asBoolean() || address.contains(":") || younger(ip, before)) continue;
        orphans.add(new Orphan("address", name, address, "dedicated IPv4, its app has no Machine"));
      }
    }
    return orphans;
  }

  /**
   * Destroys one, unless it is in use by now.
   *
   * @return false if it is in use, or gone already
   */
  public boolean destroy(Orphan orphan) {
    var fly = this.fly.afresh();
    try {
      if (orphan.kind().equals("address")) {
        if (!fly.list("/v1/apps/{app}/machines", orphan.app()).isEmpty()) return false;
        fly.delete("/v1/apps/{app}/ip_assignments/{ip}", orphan.app(), orphan.id());
        return true;
      }
      var now = fly.get("/v1/apps/{app}/volumes/{volume}", orphan.app(), orphan.id());
      if (!text(now, "attached_machine_id").isEmpty()) return false;
      fly.delete("/v1/apps/{app}/volumes/{volume}", orphan.app(), orphan.id());
      return true;
    } catch (FlyException e) {
      if (e.status == 404 || e.status == 412) return false;
      throw e;
    }
  }

  /** A page may be shorter than asked for; only the absence of a cursor is the end. */
  private void pages(String path, String field, String organization, Consumer<JsonNode> each) {
    var page = fly.get(path + "?limit=1000", organization);
    page.path(field).forEach(each);
    var cursors = new HashSet<String>();
    while (!text(page, "next_cursor").isEmpty()) {
      var cursor = text(page, "next_cursor");
      if (!cursors.add(cursor)) throw Refusals.endless(path.replace("{org}", organization));
      page = fly.get(path + "?limit=1000&cursor={c}", organization, cursor);
      page.path(field).forEach(each);
    }
  }

  private static boolean younger(JsonNode thing, Instant before) {
    try {
      return Instant.parse(text(thing, "created_at")).isAfter(before);
    } catch (DateTimeParseException e) {
      return false;
    }
  }

  private static String text(JsonNode thing, String field) {
    return thing.path(field).asText("");
  }
}
