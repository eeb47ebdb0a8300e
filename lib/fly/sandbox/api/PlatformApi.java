//SOURCES ../http/Json.java ../model/ApiError.java ../model/JsonNodes.java ../model/Regions.java
//SOURCES ../service/Organization.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.body;
import static fly.sandbox.http.Json.json;
import static fly.sandbox.model.JsonNodes.object;
import static fly.sandbox.model.JsonNodes.string;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Regions;
import fly.sandbox.service.Organization;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Map;

/** Regions and placements. */
public final class PlatformApi {
  private final Organization organization;

  public PlatformApi(Organization organization) {
    this.organization = organization;
  }

  public void routes(RoutesConfig routes) {
    routes.get("/v1/platform/regions", json(x -> regions()));
    routes.post("/v1/platform/placements", json(this::placements));
  }

  private static JsonNode regions() {
    var answer = object().put("nearest", Regions.NEAREST);
    var regions = answer.putArray("regions");
    Regions.ALL.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(
            region ->
                regions
                    .addObject()
                    .put("code", region.getKey())
                    .put("name", region.getValue().name())
                    .put("latitude", region.getValue().latitude())
                    .put("longitude", region.getValue().longitude())
                    .put("gateway_available", Regions.gateway(region.getKey()))
                    .put("requires_paid_plan", false)
                    .put("deprecated", false));
    return answer;
  }

  /** Every region has room. */
  private JsonNode placements(Context x) {
    var request = body(x, "Placements");
    var org = string(request, "org_slug");
    if (org == null) throw ApiError.required("org_slug");
    organization.requireOrg(org);
    var region = request.path("region");
    var count = request.path("count").asInt(1);
    var answer = object();
    answer
        .putArray("regions")
        .addObject()
        .put("region", Regions.of(region))
        .put("count", Math.max(count, 1))
        .put("concurrency", 0);
    return answer;
  }
}
