//SOURCES ../http/Json.java ../model/ApiError.java ../model/JsonNodes.java ../model/Machine.java ../model/Org.java
//SOURCES ../service/Organization.java ../service/VolumeService.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.csv;
import static fly.sandbox.http.Json.flag;
import static fly.sandbox.http.Json.json;
import static fly.sandbox.http.Json.limit;
import static fly.sandbox.model.JsonNodes.list;
import static fly.sandbox.model.JsonNodes.object;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Machine;
import fly.sandbox.model.Org;
import fly.sandbox.service.Organization;
import fly.sandbox.service.VolumeService;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The organization, as flyctl requests it beside GraphQL (superfly/fly-go, uiex), and its Machines
 * and volumes, sorted by their last change.
 */
public final class OrganizationsApi {
  /** Fields that a summary of a volume lacks. */
  private static final List<String> BLOCKS =
      List.of("blocks", "block_size", "blocks_free", "blocks_avail", "bytes_used", "bytes_total");

  private final Organization organization;
  private final VolumeService volumes;

  public OrganizationsApi(Organization organization, VolumeService volumes) {
    this.organization = organization;
    this.volumes = volumes;
  }

  public void routes(RoutesConfig routes) {
    routes.get("/api/v1/organizations", json(x -> all()));
    routes.get("/api/v1/organizations/{slug}", json(OrganizationsApi::one));
    routes.get("/v1/orgs/{org}/machines", json(this::machines));
    routes.get("/v1/orgs/{org}/volumes", json(this::volumes));
  }

  private static ObjectNode all() {
    var answer = object();
    answer.putArray("organizations").add(organization());
    return answer;
  }

  private static ObjectNode one(Context x) {
    if (!List.of(Org.SLUG, "sandbox").contains(x.pathParam("slug"))) {
      throw ApiError.couldNotFind("Organization");
    }
    return object().set("organization", organization());
  }

  private static ObjectNode organization() {
    return object()
        .put("id", Org.ID)
        .put("internal_numeric_id", Org.NUMBER)
        .put("slug", Org.SLUG)
        .put("raw_slug", "sandbox")
        .put("name", "Sandbox")
        .put("personal", true)
        .put("paid_plan", false)
        .put("billable", true)
        .put("billing_status", "CURRENT");
  }

  private JsonNode machines(Context x) {
    organization.requireOrg(x.pathParam("org"));
    var states = csv(x, "state");
    var all = flag(x, "include_deleted");
    var summary = flag(x, "summary");
    var found =
        organization.apps().stream()
            .flatMap(app -> app.machines.values().stream())
            .filter(machine -> all || !machine.isDestroyed())
            .filter(machine -> states.isEmpty() || states.contains(machine.state().toString()))
            .filter(machine -> in(x, machine.region))
            .map(machine -> machine(machine, summary))
            .toList();
    var answer = page(x, found, "machines", "last_machine_id");
    answer.putArray("error_regions");
    return answer;
  }

  private static ObjectNode machine(Machine machine, boolean summary) {
    var whole = machine.json(false);
    var json = object().put("app_name", machine.app.name);
    for (var field :
        List.of("id", "name", "state", "region", "private_ip", "created_at", "updated_at")) {
      json.set(field, whole.get(field));
    }
    json.set("version", whole.get("instance_id"));
    if (summary) return json;
    var config = json.putObject("config");
    for (var field : List.of("guest", "image", "metadata")) {
      if (whole.path("config").has(field)) config.set(field, whole.at("/config/" + field));
    }
    return json;
  }

  private JsonNode volumes(Context x) {
    organization.requireOrg(x.pathParam("org"));
    var states = csv(x, "state");
    var all = flag(x, "include_deleted");
    var summary = flag(x, "summary");
    var found = new ArrayList<ObjectNode>();
    for (var app : organization.apps()) {
      for (var volume : volumes.of(app)) {
        if (volume.deletedAt != null && !all) continue;
        if (!in(x, volume.region) || !states.isEmpty() && !states.contains(volume.state)) continue;
        var json = volume.json().put("app_name", app.name);
        if (summary) json.remove(BLOCKS);
        found.add(json.put("updated_at", volume.updatedAt.toString()));
      }
    }
    return page(x, found, "volumes", "last_volume_id");
  }

  private static boolean in(Context x, String region) {
    var wanted = x.queryParam("region");
    return wanted == null || wanted.equals(region);
  }

  /** The cursor is the time and id of the last row that was handed out. */
  private static ObjectNode page(Context x, List<ObjectNode> rows, String field, String last) {
    var limit = limit(x, 1000, 1000);
    var after = x.queryParam("updated_after");
    var from = x.queryParam("cursor");
    if (from == null) from = after == null ? "" : key(time(after)) + "~"; // beyond all ids
    var start = from;
    var matching =
        rows.stream()
            .filter(row -> key(row).compareTo(start) > 0)
            .sorted(Comparator.comparing(OrganizationsApi::key))
            .toList();
    var shown = matching.subList(0, Math.min(limit, matching.size()));
    var answer = object();
    var list = answer.putArray(field);
    shown.forEach(list::add);
    if (!shown.isEmpty()) {
      var end = shown.get(shown.size() - 1);
      answer.set(last, end.get("id"));
      answer.set("last_updated_at", end.get("updated_at"));
      if (shown.size() < matching.size()) answer.put("next_cursor", key(end));
    }
    return answer;
  }

  private static Instant time(String text) {
    try {
      return OffsetDateTime.parse(text).toInstant();
    } catch (DateTimeParseException e) {
      throw ApiError.invalid("updated_after", "must be RFC 3339");
    }
  }

  private static String key(ObjectNode row) {
    return key(Instant.parse(row.path("updated_at").asText())) + "-" + row.path("id").asText();
  }

  /** A text of fixed width, so that the order of texts is the order of times. */
  private static String key(Instant time) {
    return "%010d.%09d".formatted(time.getEpochSecond(), time.getNano());
  }
}
