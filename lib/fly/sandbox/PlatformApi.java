//SOURCES ../Fly.java ApiError.java Machine.java Rest.java Rules.java SandboxServer.java World.java
package fly.sandbox;

import static fly.sandbox.Rest.body;
import static fly.sandbox.Rest.csv;
import static fly.sandbox.Rest.flag;
import static fly.sandbox.Rest.json;
import static fly.sandbox.Rest.limit;
import static fly.sandbox.Rest.object;
import static fly.sandbox.Rest.string;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** What is no app's: regions, placements, tokens, and the organization's lists. */
final class PlatformApi {
  /** What a summary of a volume lacks. */
  private static final List<String> BLOCKS =
      List.of("blocks", "block_size", "blocks_free", "blocks_avail", "bytes_used", "bytes_total");

  private final World world;

  PlatformApi(World world) {
    this.world = world;
  }

  void routes(RoutesConfig routes) {
    routes.get("/v1/platform/regions", json(x -> regions()));
    routes.post("/v1/platform/placements", json(this::placements));
    routes.get("/v1/orgs/{org}/machines", json(this::machines));
    routes.get("/v1/orgs/{org}/volumes", json(this::volumes));
    routes.get("/v1/tokens/current", json(x -> currentToken()));
    routes.post("/v1/tokens/authenticate", json(this::authenticate));
    routes.post("/v1/tokens/authorize", json(this::authorize));
    routes.post("/v1/tokens/kms", SandboxServer::notHere);
    routes.post("/v1/tokens/oidc", SandboxServer::notHere);
  }

  private static JsonNode regions() {
    var answer = object().put("nearest", Rules.NEAREST);
    var regions = answer.putArray("regions");
    Rules.REGIONS.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(
            region ->
                regions
                    .addObject()
                    .put("code", region.getKey())
                    .put("name", region.getValue().name())
                    .put("latitude", region.getValue().latitude())
                    .put("longitude", region.getValue().longitude())
                    .put("gateway_available", Rules.gateway(region.getKey()))
                    .put("requires_paid_plan", false)
                    .put("deprecated", false));
    return answer;
  }

  /** There is room everywhere. */
  private JsonNode placements(Context x) {
    var request = body(x, "Placements");
    var org = string(request, "org_slug");
    if (org == null) throw ApiError.invalid("org_slug is required");
    world.requireOrg(org);
    var region = request.path("region");
    var count = request.path("count").asInt(1);
    var answer = object();
    answer
        .putArray("regions")
        .addObject()
        .put("region", Rules.region(region))
        .put("count", Math.max(count, 1))
        .put("concurrency", 0);
    return answer;
  }

  // The organization's lists, by the time of their last change

  private JsonNode machines(Context x) {
    world.requireOrg(x.pathParam("org"));
    var states = csv(x, "state");
    var all = flag(x, "include_deleted");
    var summary = flag(x, "summary");
    var found =
        world.apps().stream()
            .flatMap(app -> app.machines.values().stream())
            .filter(machine -> all || !machine.state().equals("destroyed"))
            .filter(machine -> states.isEmpty() || states.contains(machine.state()))
            .filter(machine -> in(x, machine.region))
            .map(machine -> machine(machine, summary))
            .toList();
    var answer = page(x, found, "machines", "last_machine_id");
    answer.putArray("error_regions");
    return answer;
  }

  private static ObjectNode machine(Machine machine, boolean summary) {
    var whole = machine.json();
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
    world.requireOrg(x.pathParam("org"));
    var states = csv(x, "state");
    var all = flag(x, "include_deleted");
    var summary = flag(x, "summary");
    var found = new ArrayList<ObjectNode>();
    for (var app : world.apps()) {
      for (var volume : world.volumes().of(app)) {
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
            .sorted(Comparator.comparing(PlatformApi::key))
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
      throw ApiError.invalid("invalid updated_after, must be RFC 3339");
    }
  }

  private static String key(ObjectNode row) {
    return key(Instant.parse(row.path("updated_at").asText())) + "-" + row.path("id").asText();
  }

  /** As wide for every time, so that texts are in the order of times. */
  private static String key(Instant time) {
    return "%010d.%09d".formatted(time.getEpochSecond(), time.getNano());
  }

  // Tokens: there is one, and it may do everything

  private static JsonNode currentToken() {
    var answer = object();
    var token =
        answer
            .putArray("tokens")
            .addObject()
            .put("token_id", "sandbox")
            .put("organization", World.ORG_ID)
            .put("org_slug", World.ORG)
            .put("user", "you@sandbox.invalid");
    token.putArray("apps");
    return answer;
  }

  private JsonNode authenticate(Context x) {
    var header = requireHeader(body(x, "TokenHeader"));
    var answer = fly.Fly.JSON.createArrayNode();
    answer.addObject().put("header", header);
    return answer;
  }

  private JsonNode authorize(Context x) {
    var request = body(x, "TokenHeader");
    var header = requireHeader(request);
    var answer = object();
    answer.set("access", request.path("access").isObject() ? request.path("access") : object());
    answer.putObject("verified_token").put("header", header);
    return answer;
  }

  private String requireHeader(ObjectNode request) {
    var header = string(request, "header");
    if (header == null || !world.knows(header)) {
      throw ApiError.invalid("invalid_argument: no valid token in header");
    }
    return header;
  }
}
