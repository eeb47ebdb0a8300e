//SOURCES ApiError.java App.java Guesses.java Rest.java Rules.java Snapshot.java Volume.java World.java
package fly.sandbox;

import static fly.sandbox.Rest.body;
import static fly.sandbox.Rest.json;
import static fly.sandbox.Rest.list;
import static fly.sandbox.Rest.object;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.Guesses.Guess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;

/** Volumes and their snapshots. */
final class VolumesApi {
  private static final String VOLUMES = "/v1/apps/{app}/volumes";
  private static final String VOLUME = VOLUMES + "/{volume}";

  private final World world;

  VolumesApi(World world) {
    this.world = world;
  }

  void routes(RoutesConfig routes) {
    routes.get(VOLUMES, json(x -> list(world.volumes().of(app(x)), Volume::json)));
    routes.post(VOLUMES, json(x -> world.volumes().create(app(x), body(x, "Volume")).json()));
    routes.get(VOLUME, json(x -> volume(x).json()));
    routes.put(VOLUME, json(this::update));
    routes.delete(VOLUME, json(x -> world.volumes().delete(app(x), x.pathParam("volume")).json()));
    routes.put(VOLUME + "/extend", json(this::extend));
    routes.get(VOLUME + "/snapshots", json(x -> list(volume(x).snapshots(), Snapshot::json)));
    routes.post(VOLUME + "/snapshots", x -> world.volumes().snapshot(app(x), volume(x)));
  }

  private App app(Context x) {
    return world.app(x.pathParam("app"));
  }

  private Volume volume(Context x) {
    return world.volumes().require(app(x), x.pathParam("volume"));
  }

  private static void requireUsable(Volume volume) {
    if (!volume.usable()) throw new ApiError(412, "failed_precondition: volume is " + volume.state);
  }

  private JsonNode update(Context x) {
    var request = body(x, "Volume");
    var volume = volume(x);
    synchronized (app(x)) {
      requireUsable(volume);
      volume.snapshotRetention = Rules.retention(request, volume.snapshotRetention);
      volume.autoBackup = request.path("auto_backup_enabled").asBoolean(volume.autoBackup);
      world.changed(app(x), volume);
      return volume.json();
    }
  }

  private JsonNode extend(Context x) {
    var size = Rules.sizeGb(body(x, "Volume"), 0);
    var app = app(x);
    var volume = volume(x);
    synchronized (app) {
      requireUsable(volume);
      if (size < volume.sizeGb) {
        throw ApiError.invalid(
            "invalid size_gb, a volume cannot shrink: it has %d GB".formatted(volume.sizeGb));
      }
      volume.sizeGb = size;
      world.changed(app, volume);
      var answer = object().put("needs_restart", world.guess(Guess.VOLUME_EXTEND, "restart"));
      answer.set("volume", volume.json());
      return answer;
    }
  }
}
