//SOURCES Fly.java FlyException.java Story.java Volume.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * What an app consists of, created unless it is there already; nothing that costs money comes into
 * being twice. In a dry run it looks for nothing, and prints the requests that create.
 */
public final class Ensure {
  private final Fly fly;
  private final Story story;
  private final List<String> created = new CopyOnWriteArrayList<>();

  public Ensure(Fly fly, Story story) {
    this.fly = fly;
    this.story = story;
  }

  /** What was not there before, in words and in order: {@code the app mcp-demo}. */
  public List<String> created() {
    return created;
  }

  /** Takes down what its caller has created itself. */
  public void created(String what) {
    created.add(what);
  }

  /** An app of this name, which is yours. */
  public JsonNode app(String name, JsonNode request) {
    try {
      var app = fly.create("/v1/apps", request, () -> fly.find("/v1/apps/{app}", name));
      created("the app " + name);
      return app;
    } catch (FlyException taken) {
      if (taken.status != 422) throw taken;
      var yours = fly.find("/v1/apps/{app}", name);
      if (yours.isEmpty()) throw taken;
      story.say("The app is there already, and yours.");
      return yours.get();
    }
  }

  /** The app's address of this type, by REST. */
  public Optional<JsonNode> address(String app, String type) {
    if (fly.dryRun()) return Optional.empty();
    for (var ip : fly.get("/v1/apps/{app}/ip_assignments", app).path("ips")) {
      if (type(ip).equals(type)) return Optional.of(ip);
    }
    return Optional.empty();
  }

  /** One more address, by REST. */
  public JsonNode allocate(String app, String type) {
    var ip =
        fly.create(
            "/v1/apps/{app}/ip_assignments",
            Fly.JSON.createObjectNode().put("type", type),
            () -> address(app, type),
            app);
    created("its %s address".formatted(type));
    return ip;
  }

  /** REST does not say the type; fdaa: is Fly.io's private network (superfly/fly-go). */
  private static String type(JsonNode ip) {
    if (ip.path("shared").asBoolean()) return "shared_v4";
    var address = ip.path("ip").asText();
    if (!address.contains(":")) return "v4";
    return address.startsWith("fdaa:") ? "private_v6" : "v6";
  }

  /**
   * A volume of this name and region that no Machine has.
   *
   * @param another whether it is to be a new one in any case
   */
  public JsonNode volume(String app, JsonNode request, boolean another) {
    requireVolumeName(request.path("name").asText());
    var before = fly.dryRun() ? List.<JsonNode>of() : volumes(app);
    var there = another ? Optional.<JsonNode>empty() : free(before, request);
    if (there.isPresent()) {
      story.say("The volume is there already, and attached to no Machine.");
      return there.get();
    }
    story.say(
        "Creating the volume %s of %s GB in %s; it costs money until it is destroyed ...",
        request.path("name").asText(),
        request.path("size_gb").asText("?"),
        request.path("region").asText("the nearest region"));
    var volume =
        fly.create(
            "/v1/apps/{app}/volumes",
            request,
            () ->
                volumes(app).stream()
                    .filter(one -> before.stream().noneMatch(old -> same(old, one, "id")))
                    .filter(one -> same(one, request, "name"))
                    .findFirst(),
            app);
    created("the volume " + volume.path("id").asText(request.path("name").asText()));
    return volume;
  }

  private List<JsonNode> volumes(String app) {
    return fly.volumes(app).stream().map(Volume::json).toList();
  }

  private static void requireVolumeName(String wanted) {
    if (wanted.matches("[a-z0-9_]{1,30}")) return;
    var possible = wanted.toLowerCase().replaceAll("[^a-z0-9_]", "_");
    throw FlyException.usage(
        "\"" + wanted + "\" is no name for a volume",
        "lowercase letters, digits and underscores, 30 at most",
        "--name "
            + (possible.isEmpty()
                ? "data"
                : possible.substring(0, Math.min(30, possible.length()))));
  }

  private static Optional<JsonNode> free(List<JsonNode> volumes, JsonNode request) {
    return volumes.stream()
        .filter(volume -> same(volume, request, "name"))
        .filter(volume -> !request.has("region") || same(volume, request, "region"))
        .filter(volume -> volume.path("attached_machine_id").asText("").isEmpty())
        .findFirst();
  }

  private static boolean same(JsonNode one, JsonNode other, String field) {
    return one.path(field).equals(other.path(field));
  }
}
