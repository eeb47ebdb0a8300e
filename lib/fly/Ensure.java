//SOURCES Deadline.java Durations.java Fly.java FlyException.java Refusals.java Story.java Volume.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;

/**
 * Creates the parts of an app unless they are there; nothing that costs money is created twice. A
 * lost answer is resolved before the deadline, or ends with exit code 5. A dry run sends no
 * lookups, and prints the requests that create.
 */
public final class Ensure {
  /** The key of a Machine's metadata that holds its launch id. */
  public static final String LAUNCH_ID = "launch_id";

  /** A launch id that switches the mark off. */
  public static final String NO_MARK = "none";

  private static final String APP = "/v1/apps/{app}";
  private static final String MACHINES = APP + "/machines";
  private static final String VOLUMES = APP + "/volumes";
  private static final String ADDRESSES = APP + "/ip_assignments";
  private static final Function<JsonNode, String> ID = one -> one.path("id").asText();
  private static final Pattern NAME_TAKEN =
      Pattern.compile("unique machine name violation(?:, machine ID (\\w+))?");

  private final Fly fly;
  private final Story story;
  private final List<String> created = new CopyOnWriteArrayList<>();

  public Ensure(Fly fly, Story story) {
    this.fly = fly;
    this.story = story;
  }

  /** The things that this launch created, in words and in order: {@code the app mcp-demo}. */
  public List<String> created() {
    return created;
  }

  /** Records something that the caller created itself. */
  public void created(String what) {
    created.add(what);
  }

  /**
   * Creates an app of this name, or takes your own. Its name is unique: after a lost answer the
   * same request is sent again until Fly.io answers that the app is created or exists.
   */
  public JsonNode app(String name, JsonNode request) {
    var budget = fly.deadline();
    var within = fly.within(budget);
    FlyException lost = null;
    for (var pause = Duration.ofMillis(500); ; pause = Fly.longer(pause)) {
      try {
        var app = within.post("/v1/apps", request);
        created("the app " + name);
        return app.isMissingNode() || app.has("id") ? app : read(within, name);
      } catch (FlyException e) {
        if (e.status == 422) {
          var yours = yours(within, name, lost);
          if (yours.isPresent()) {
            if (lost == null) story.say("The app is there already, and yours.");
            else created("the app " + name);
            return yours.get();
          }
          if (lost == null) throw e;
        } else if (e.exitCode == FlyException.AMBIGUOUS) {
          if (lost == null) story.say("%s; looking for it ...", e.what);
          lost = lost == null ? e : lost;
        } else if (lost == null) {
          throw e;
        }
      }
      if (!budget.pauseForLook(pause)) {
        throw ambiguous(
            "the app %s may exist".formatted(name),
            lost,
            "fly-create-app --app %s takes it if it is there".formatted(name));
      }
      var yours = yours(within, name, lost);
      if (yours.isPresent()) {
        created("the app " + name);
        story.say("It happened.");
        return yours.get();
      }
      story.say("It cannot be seen yet; sending the same again ...");
    }
  }

  /**
   * Reads the app just created: the answer of a create may be empty (OpenAPI document,
   * Apps_create).
   */
  private static JsonNode read(Fly fly, String name) {
    try {
      return fly.get(APP, name);
    } catch (FlyException e) {
      throw Refusals.ambiguous(e);
    }
  }

  private static Optional<JsonNode> yours(Fly fly, String name, FlyException lost) {
    try {
      return fly.find(APP, name);
    } catch (FlyException e) {
      if (lost == null) throw e;
      lost.addSuppressed(e);
      return Optional.empty();
    }
  }

  private static FlyException ambiguous(String what, FlyException lost, String next) {
    var end =
        new FlyException(
            what,
            "%s (%s)".formatted(lost.what, lost.why),
            next,
            FlyException.AMBIGUOUS,
            lost.status);
    end.initCause(lost);
    return end;
  }

  // ---- Machines

  /** A new launch id. */
  public static String newLaunchId() {
    return UUID.randomUUID().toString();
  }

  /**
   * Marks the request, so that a lost answer never leads to a second Machine. The launch id is in
   * the Machine's metadata, and in its name unless the request has one. Fly.io keeps names of
   * Machines unique in their app.
   */
  public static void mark(ObjectNode request, String launchId) {
    if (!(request.path("config") instanceof ObjectNode config)) return;
    var metadata = config.withObject("/metadata");
    if (!metadata.has(LAUNCH_ID)) metadata.put(LAUNCH_ID, launchId);
    if (request.path("name").asText("").isEmpty()) {
      var text = metadata.path(LAUNCH_ID).asText().toLowerCase(Locale.ROOT);
      var safe = text.replaceAll("[^a-z0-9-]+", "-").replaceAll("^-+|-+$", "");
      request.put("name", "launch-" + safe.substring(0, Math.min(50, safe.length())));
    }
  }

  /** Creates a Machine, marked by a new launch id unless the request has one. */
  public JsonNode machine(String app, ObjectNode request) {
    return machine(app, request, null);
  }

  /**
   * Creates a Machine once. After a lost answer this looks for the Machine and sends the same
   * request again, until the Machine exists: its name is unique.
   *
   * @param launchId of an earlier launch, whose Machine is taken if it exists; null for a new one;
   *     {@value #NO_MARK} for a request without a mark, which is never sent again
   */
  public JsonNode machine(String app, ObjectNode request, String launchId) {
    var marked = !NO_MARK.equals(launchId);
    var adopt = marked && launchId != null;
    if (marked) mark(request, adopt ? launchId : newLaunchId());
    if (fly.dryRun()) return fly.post(MACHINES, request, app);
    var budget = fly.deadline();
    var within = fly.within(budget);
    if (adopt) {
      var there = launched(within, app, request);
      if (there.isPresent()) return adopted(there.get());
    }
    FlyException lost = null;
    for (var pause = Duration.ofMillis(500); ; pause = Fly.longer(pause)) {
      try {
        if (lost == null || request.hasNonNull("name")) {
          var machine = within.post(MACHINES, request, app);
          created("the Machine " + machine.path("id").asText());
          if (lost != null) tellTwins(within, app, request, machine);
          return machine;
        }
      } catch (FlyException e) {
        if (nameTaken(e)) {
          var there = named(within, app, request, e, lost);
          if (there.isPresent()) {
            if (lost == null && !sameProgram(request, there.get())) throw e;
            return adopted(there.get());
          }
          if (lost == null) lost = e;
        } else if (e.exitCode == FlyException.AMBIGUOUS) {
          if (lost == null) {
            story.insist("%s; looking for it until %s are over ...", e.what, budget(budget));
          }
          lost = lost == null ? e : lost;
        } else if (lost == null) {
          throw e;
        } else {
          lost.addSuppressed(e); // a later failure must not hide that a Machine may exist
        }
      }
      if (!budget.pauseForLook(pause)) throw perhaps(app, request, lost);
      var there = look(within, app, request, lost);
      if (there.isPresent()) {
        created("the Machine " + there.get().path("id").asText());
        return adopted(there.get());
      }
    }
  }

  private static String budget(Deadline deadline) {
    return Durations.text(deadline.budget());
  }

  private JsonNode adopted(JsonNode machine) {
    story.say("The Machine %s is there.", machine.path("id").asText());
    return machine;
  }

  private static FlyException perhaps(String app, JsonNode request, FlyException lost) {
    var mark = request.at("/config/metadata/" + LAUNCH_ID).asText("");
    var name = request.path("name").asText("");
    if (mark.isEmpty() && name.isEmpty()) {
      return ambiguous(
          "a Machine may exist in the app %s, and nothing marks it".formatted(app),
          lost,
          "fly-list-machines --app %s shows it; run this again only if it is not there"
              .formatted(app));
    }
    var same = mark.isEmpty() ? "--name " + name : "--launch-id " + mark;
    return ambiguous(
        "a Machine named %s may exist in the app %s".formatted(name, app),
        lost,
        "the same command with %s takes the one that is there; fly-list-machines --app %s lists it"
            .formatted(same, app));
  }

  /** A 409, "unique machine name violation": known from logs only, and unproven. */
  private static boolean nameTaken(FlyException e) {
    return e.status == 409 && NAME_TAKEN.matcher(e.why).find();
  }

  private static Optional<JsonNode> look(Fly fly, String app, JsonNode request, FlyException lost) {
    try {
      return launched(fly, app, request);
    } catch (FlyException e) {
      lost.addSuppressed(e);
      return Optional.empty();
    }
  }

  private static Optional<JsonNode> launched(Fly fly, String app, JsonNode request) {
    return fly.list(MACHINES, app).stream().filter(machine -> ours(machine, request)).findFirst();
  }

  private static boolean ours(JsonNode machine, JsonNode request) {
    var mark = request.at("/config/metadata/" + LAUNCH_ID);
    if (mark.isTextual()) return machine.at("/config/metadata/" + LAUNCH_ID).equals(mark);
    return request.hasNonNull("name") && same(machine, request, "name");
  }

  /** The Machine that the refusal names, if it is ours or has the name that was asked for. */
  private static Optional<JsonNode> named(
      Fly fly, String app, JsonNode request, FlyException taken, FlyException lost) {
    try {
      var id = NAME_TAKEN.matcher(taken.why);
      if (id.find() && id.group(1) != null) {
        var machine = fly.find(MACHINES + "/{machine}", app, id.group(1));
        if (machine.isPresent()) return machine;
      }
      return fly.list(MACHINES, app).stream()
          .filter(machine -> ours(machine, request) || same(machine, request, "name"))
          .findFirst();
    } catch (FlyException e) {
      if (lost == null) throw e;
      lost.addSuppressed(e);
      return Optional.empty();
    }
  }

  private static boolean sameProgram(JsonNode request, JsonNode machine) {
    var mark = "/config/metadata/" + LAUNCH_ID;
    if (request.at(mark).isTextual() && request.at(mark).equals(machine.at(mark))) return true;
    return request.at("/config/image").equals(machine.at("/config/image"))
        && request.at("/config/init/cmd").equals(machine.at("/config/init/cmd"));
  }

  /** Warns of a second Machine, which exists if Fly.io did not keep the name unique. */
  private void tellTwins(Fly fly, String app, JsonNode request, JsonNode machine) {
    try {
      for (var other : fly.list(MACHINES, app)) {
        if (!ours(other, request) || same(other, machine, "id")) continue;
        story.insist(
            "warning: this launch made a second Machine, %s; to end it: fly-destroy-machine %s"
                + " --force --app %s",
            other.path("id").asText(), other.path("id").asText(), app);
      }
    } catch (FlyException e) {
      story.say("It could not be seen whether there is a second one: %s", e.what);
    }
  }

  // ---- Addresses

  /** The app's address of this type, by REST. */
  public Optional<JsonNode> address(String app, String type) {
    if (fly.dryRun()) return Optional.empty();
    return addresses(app, type).stream().findFirst();
  }

  private List<JsonNode> addresses(String app, String type) {
    var ips = fly.get(ADDRESSES, app).path("ips");
    return StreamSupport.stream(ips.spliterator(), false)
        .filter(ip -> type(ip).equals(type))
        .toList();
  }

  /** Allocates an address, by REST. */
  public JsonNode allocate(String app, String type) {
    var request = Fly.JSON.createObjectNode().put("type", type);
    if (fly.dryRun()) return fly.post(ADDRESSES, request, app);
    return allocate(
        app,
        type,
        () -> addresses(app, type),
        ip -> ip.path("ip").asText(),
        lookup -> fly.create(ADDRESSES, request, lookup, app));
  }

  /**
   * Allocates an address. It has no unique name: the request is never sent again unseen.
   *
   * @param all finds the app's addresses of this type
   * @param address reads the address of an item
   * @param create sends the request, and calls its argument if the answer is lost
   */
  public JsonNode allocate(
      String app,
      String type,
      Supplier<List<JsonNode>> all,
      Function<JsonNode, String> address,
      Function<Supplier<Optional<JsonNode>>, JsonNode> create) {
    var before = all.get();
    try {
      var ip = create.apply(() -> fresh(before, all.get(), address));
      created("its %s address".formatted(type));
      tellOrphans(all, before, ip, address, "%s address".formatted(type), app);
      return ip;
    } catch (FlyException lost) {
      if (lost.exitCode != FlyException.AMBIGUOUS) throw lost;
      throw ambiguous(
          "the app %s may have another %s address".formatted(app, type),
          lost,
          "fly-allocate-ips --app %s --type %s takes one that is there; fly-status --app %s shows it"
              .formatted(app, type, app));
    }
  }

  /** REST does not report the type; fdaa: is Fly.io's private network (superfly/fly-go). */
  private static String type(JsonNode ip) {
    if (ip.path("shared").asBoolean()) return "shared_v4";
    var address = ip.path("ip").asText();
    if (!address.contains(":")) return "v4";
    return address.startsWith("fdaa:") ? "private_v6" : "v6";
  }

  // ---- Volumes

  /**
   * Takes or creates a volume of this name and region that no Machine has. Volumes have no unique
   * name: a request is never sent again unseen.
   *
   * @param another true to create a volume in any case
   */
  public JsonNode volume(String app, JsonNode request, boolean another) {
    requireVolumeName(request.path("name").asText());
    var before = fly.dryRun() ? List.<JsonNode>of() : volumes(app);
    var there = another ? Optional.<JsonNode>empty() : free(before, request);
    if (there.isPresent()) {
      story.say("The volume is there already, and attached to no Machine.");
      return there.get();
    }
    var name = request.path("name").asText();
    story.say(
        "Creating the volume %s of %s GB in %s; it costs money until it is destroyed ...",
        name,
        request.path("size_gb").asText("?"),
        request.path("region").asText("the nearest region"));
    try {
      var volume =
          fly.create(VOLUMES, request, () -> fresh(before, alike(volumes(app), request), ID), app);
      if (fly.dryRun()) return volume;
      created("the volume " + volume.path("id").asText(name));
      tellOrphans(() -> alike(volumes(app), request), before, volume, ID, "volume " + name, app);
      return volume;
    } catch (FlyException lost) {
      if (lost.exitCode != FlyException.AMBIGUOUS) throw lost;
      throw ambiguous(
          "a volume %s may exist in the app %s".formatted(name, app),
          lost,
          "fly-status --app %s shows it; fly-create-volume --app %s --name %s takes one that is there"
              .formatted(app, app, name));
    }
  }

  private List<JsonNode> volumes(String app) {
    return fly.volumes(app).stream().map(Volume::json).toList();
  }

  private static List<JsonNode> alike(List<JsonNode> volumes, JsonNode request) {
    return volumes.stream()
        .filter(volume -> same(volume, request, "name"))
        .filter(volume -> !request.has("region") || same(volume, request, "region"))
        .toList();
  }

  /** The first volume that was not there before. */
  private static Optional<JsonNode> fresh(
      List<JsonNode> before, List<JsonNode> now, Function<JsonNode, String> id) {
    var old = before.stream().map(id).toList();
    return now.stream().filter(one -> !old.contains(id.apply(one))).findFirst();
  }

  /**
   * Warns of things that another command created at the same moment; the platform cannot prevent
   * them.
   */
  private void tellOrphans(
      Supplier<List<JsonNode>> all,
      List<JsonNode> before,
      JsonNode mine,
      Function<JsonNode, String> id,
      String kind,
      String app) {
    try {
      for (var other : all.get()) {
        var old = before.stream().anyMatch(one -> id.apply(one).equals(id.apply(other)));
        if (old || id.apply(other).equals(id.apply(mine))) continue;
        story.insist(
            "warning: another %s, %s, was created at the same moment; each costs money:"
                + " fly-status --app %s shows which one is used",
            kind, id.apply(other), app);
      }
    } catch (FlyException e) {
      story.say("It could not be seen whether another %s was created: %s", kind, e.what);
    }
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
