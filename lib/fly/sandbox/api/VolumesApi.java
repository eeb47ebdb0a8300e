//SOURCES ../http/Json.java ../model/ApiError.java ../model/App.java ../model/Guesses.java ../model/JsonNodes.java
//SOURCES ../model/Snapshot.java ../model/Volume.java ../model/VolumeRules.java ../service/Organization.java
//SOURCES ../service/VolumeService.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.body;
import static fly.sandbox.http.Json.json;
import static fly.sandbox.model.JsonNodes.list;
import static fly.sandbox.model.JsonNodes.object;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Guesses;
import fly.sandbox.model.Guesses.Guess;
import fly.sandbox.model.Snapshot;
import fly.sandbox.model.Volume;
import fly.sandbox.model.VolumeRules;
import fly.sandbox.service.Organization;
import fly.sandbox.service.VolumeService;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;

/** Volumes and their snapshots. */
public final class VolumesApi {
  private static final String VOLUMES = "/v1/apps/{app}/volumes";
  private static final String VOLUME = VOLUMES + "/{volume}";

  private final Organization organization;
  private final VolumeService volumes;
  private final Guesses guesses;

  public VolumesApi(Organization organization, VolumeService volumes, Guesses guesses) {
    this.organization = organization;
    this.volumes = volumes;
    this.guesses = guesses;
  }

  public void routes(RoutesConfig routes) {
    routes.get(VOLUMES, json(x -> list(volumes.of(app(x)), Volume::json)));
    routes.post(VOLUMES, json(x -> volumes.create(app(x), body(x, "Volume")).json()));
    routes.get(VOLUME, json(x -> volume(x).json()));
    routes.put(VOLUME, json(this::update));
    routes.delete(VOLUME, json(x -> volumes.delete(app(x), x.pathParam("volume")).json()));
    routes.put(VOLUME + "/extend", json(this::extend));
    routes.get(VOLUME + "/snapshots", json(x -> list(volume(x).snapshots(), Snapshot::json)));
    routes.post(VOLUME + "/snapshots", x -> volumes.snapshot(app(x), volume(x)));
  }

  private App app(Context x) {
    return organization.app(x.pathParam("app"));
  }

  private Volume volume(Context x) {
    return volumes.require(app(x), x.pathParam("volume"));
  }

  private static void requireUsable(Volume volume) {
    if (!volume.usable()) throw ApiError.volumeIs(volume.state);
  }

  private JsonNode update(Context x) {
    var request = body(x, "Volume");
    var volume = volume(x);
    synchronized (app(x)) {
      requireUsable(volume);
      volume.snapshotRetention = VolumeRules.retention(request, volume.snapshotRetention);
      volume.autoBackup = request.path("auto_backup_enabled").asBoolean(volume.autoBackup);
      volumes.changed(app(x), volume);
      return volume.json();
    }
  }

  private JsonNode extend(Context x) {
    var size = VolumeRules.sizeGb(body(x, "Volume"), 0);
    var app = app(x);
    var volume = volume(x);
    synchronized (app) {
      requireUsable(volume);
      if (size < volume.sizeGb) {
        throw ApiError.invalid(
            "size_gb", "a volume cannot shrink: it has %d GB".formatted(volume.sizeGb));
      }
      volume.sizeGb = size;
      volumes.changed(app, volume);
      var answer = object().put("needs_restart", guesses.is(Guess.VOLUME_EXTEND, "restart"));
      answer.set("volume", volume.json());
      return answer;
    }
  }
}
