//SOURCES ../http/Json.java ../model/ApiError.java ../model/Guesses.java ../model/JsonNodes.java ../model/Machine.java
//SOURCES ../service/Organization.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.body;
import static fly.sandbox.http.Json.json;
import static fly.sandbox.model.JsonNodes.object;
import static fly.sandbox.model.JsonNodes.string;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Guesses;
import fly.sandbox.model.Guesses.Guess;
import fly.sandbox.model.Machine;
import fly.sandbox.service.Organization;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.util.Map;
import java.util.TreeMap;

/** The metadata of Machines. */
public final class MetadataApi {
  private static final String MACHINE = "/v1/apps/{app}/machines/{machine}";

  private final Organization organization;
  private final Guesses guesses;

  public MetadataApi(Organization organization, Guesses guesses) {
    this.organization = organization;
    this.guesses = guesses;
  }

  public void routes(RoutesConfig routes) {
    routes.get(MACHINE + "/metadata", json(x -> machine(x).metadata()));
    routes.put(MACHINE + "/metadata", this::updateMetadata);
    routes.patch(MACHINE + "/metadata", this::updateMetadata);
    routes.get(MACHINE + "/metadata/{key}", json(this::metadataKey));
    routes.post(MACHINE + "/metadata/{key}", this::upsertMetadata);
    routes.delete(MACHINE + "/metadata/{key}", this::deleteMetadata);
  }

  private Machine machine(Context x) {
    return organization.machine(organization.app(x.pathParam("app")), x.pathParam("machine"));
  }

  private Machine living(Context x) {
    var machine = machine(x);
    machine.requireThere();
    return machine;
  }

  private void updateMetadata(Context x) {
    var request = body(x, "Metadata");
    var changes = new TreeMap<String, String>();
    var metadata = request.path("metadata");
    if (!metadata.isObject()) throw ApiError.required("metadata");
    if (x.method() == HandlerType.PUT && guesses.is(Guess.METADATA_PUT, "replace")) {
      machine(x).metadata().fieldNames().forEachRemaining(name -> changes.put(name, null));
    }
    for (var entry : metadata.properties()) {
      var value = string(metadata, entry.getKey());
      changes.put(entry.getKey(), value == null || value.isEmpty() ? null : value);
    }
    living(x).changeMetadata(changes, string(request, "machine_version"));
    x.status(204);
  }

  private JsonNode metadataKey(Context x) {
    var value = machine(x).metadata().path(x.pathParam("key"));
    if (value.isMissingNode()) throw noMetadata();
    return object().set("value", value);
  }

  private static ApiError noMetadata() {
    return ApiError.notFound("metadata key");
  }

  private void upsertMetadata(Context x) {
    var value = string(body(x, "Value"), "value");
    if (value == null) throw ApiError.required("value");
    living(x).changeMetadata(Map.of(x.pathParam("key"), value), null);
    x.status(204);
  }

  private void deleteMetadata(Context x) {
    var key = x.pathParam("key");
    var absent = !living(x).metadata().has(key);
    if (absent && guesses.is(Guess.METADATA_ABSENT, "404")) throw noMetadata();
    var change = new TreeMap<String, String>();
    change.put(key, null);
    living(x).changeMetadata(change, null);
    x.status(204);
  }
}
