//SOURCES ../../Ensure.java ../../Fly.java ../../FlyException.java ../../cli/Cli.java ../../cli/Hint.java
//SOURCES ../../cli/Interruption.java
package fly.mcp.launch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Ensure;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Interruption;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.stream.StreamSupport;

/**
 * Launches an MCP server: an app, its addresses, a volume, secrets and one Machine. A repeated
 * launch keeps the existing parts and creates the rest.
 */
public final class Launch {
  /** Metadata: digest of the Machine's config, and digest of the config with the secrets. */
  private static final String DIGEST = "launch_digest";

  private static final String STATE = "launch_state";

  private final Cli.Api cli;
  private final Fly fly;
  private final Ensure ensure;
  private final String app;
  private Interruption interruption; // null outside of run

  public Launch(Cli.Api cli, String app) {
    this.cli = cli;
    this.fly = cli.fly();
    this.ensure = new Ensure(fly, cli);
    this.app = app;
  }

  /**
   * Runs the steps of a launch. If one fails, or a signal comes, the things that were created stay,
   * and are reported with the command that ends them. The first signal lets the running step end.
   *
   * @return the exit code
   */
  public int run(Runnable steps) {
    var then = "what was created is reported";
    try (var signals = new Interruption(cli.err(), this::left, () -> {}, then)) {
      interruption = signals;
      try {
        steps.run();
        return 0;
      } catch (FlyException | Interruption.Requested e) {
        signals.cleans();
        if (!fly.dryRun() && !ensure.created().isEmpty()) cli.warn(left());
        else if (signals.requested()) cli.err().println("Nothing is left.");
        if (signals.requested()) return signals.exitCode();
        throw e;
      } finally {
        interruption = null;
      }
    }
  }

  /** From now on nothing is created, so that a signal ends the launch at once. */
  public void createNothing() {
    interruption.waits();
  }

  private String left() {
    var end = Hint.of("fly-cleanup") + " --app %s --confirm %s".formatted(app, app);
    if (ensure.created().isEmpty()) return "The app " + app + " may exist.\n  To end it: " + end;
    return "this was created, and stays: %s\n  To go on, run this again with --app %s\n  To end it: %s"
        .formatted(String.join(", ", ensure.created()), app, end);
  }

  /** The app, with an address of each kind that it needs. */
  public void app(JsonNode request) {
    say("The app %s in the organization %s ...", app, request.path("org_slug").asText());
    ensure.app(app, request);
    for (var type : new String[] {"shared_v4", "v6"}) {
      if (ensure.address(app, type).isPresent()) continue;
      say("Its address, %s ...", type);
      ensure.allocate(app, type);
    }
  }

  /**
   * Creates the Machine. An earlier launch's Machine is kept if it runs the same command, and
   * updated if allowed.
   *
   * @param volume request for the volume; null for none
   * @param update true if the Machine may change to another command, or other files
   */
  public JsonNode machine(
      ObjectNode request, Map<String, String> secrets, ObjectNode volume, boolean update) {
    var config = request.withObject("/config");
    var digest = digest(config.toString());
    var state = digest(config + "\n" + secrets);
    var there = fly.dryRun() ? Optional.<JsonNode>empty() : launched();
    if (there.isPresent()) {
      var metadata = there.get().at("/config/metadata");
      if (metadata.path(STATE).asText().equals(state)) {
        say("The Machine %s is there already, and runs this.", there.get().path("id").asText());
        return there.get();
      }
      requireUpdatable(
          there.get(), update || metadata.path(DIGEST).asText().equals(digest), volume);
    }
    say("Secrets of the app: %s ...", String.join(", ", secrets.keySet()));
    var version = fly.setSecrets(app, secrets).path("version");
    if (version.isIntegralNumber()) request.set("min_secrets_version", version);
    if (!fly.dryRun()) config.withObject("/metadata").put(DIGEST, digest).put(STATE, state);
    if (there.isPresent()) return update(request, there.get());
    if (volume != null) ensure.volume(app, volume, false);
    return create(request);
  }

  private void requireUpdatable(JsonNode machine, boolean allowed, JsonNode volume) {
    var id = machine.path("id").asText();
    if (!allowed) {
      throw new FlyException(
          "the app %s runs another MCP server already".formatted(app),
          "its Machine %s was launched with another command, other files or other fields"
              .formatted(id),
          "--update to run this there instead, or another --app");
    }
    if (machine.at("/config/mounts").isEmpty() == (volume == null)) return;
    throw new FlyException(
        "the Machine %s has %s volume".formatted(id, volume == null ? "a" : "no"),
        "that stays as it was when it was created",
        (volume == null ? "with --volume" : "without --volume") + ", or another --app");
  }

  private JsonNode create(ObjectNode request) {
    var config = request.path("config");
    var command = new StringBuilder();
    config.at("/init/cmd").forEach(word -> command.append(' ').append(word.asText()));
    say(
        "Creating a Machine: %s, %s MB, runs%s ...",
        config.path("image").asText(), config.at("/guest/memory_mb").asText("256"), command);
    var machine = fly.create("/v1/apps/{app}/machines", request, this::launched, app);
    ensure.created("the Machine " + machine.path("id").asText());
    return machine;
  }

  /**
   * The Machine of an earlier launch.
   *
   * @throws FlyException if the app has other Machines, which would get the server's requests, too
   */
  private Optional<JsonNode> launched() {
    var machines = fly.list("/v1/apps/{app}/machines", app);
    var ours =
        StreamSupport.stream(machines.spliterator(), false)
            .filter(machine -> machine.at("/config/metadata").has(DIGEST))
            .findFirst();
    if (machines.size() == (ours.isPresent() ? 1 : 0)) return ours;
    throw new FlyException(
        "the app %s has other Machines".formatted(app),
        "requests to the app would reach them, too",
        "another --app, or fly-list-machines --app " + app);
  }

  /** Replaces the Machine's config; its volume stays. */
  private JsonNode update(ObjectNode request, JsonNode old) {
    var id = old.path("id").asText();
    var mounts = old.at("/config/mounts");
    if (!mounts.isEmpty()) request.withObject("/config").set("mounts", mounts);
    request.set("current_version", old.path("instance_id"));
    say("Updating the Machine %s ...", id);
    var updated = fly.post("/v1/apps/{app}/machines/{machine}", request, app, id);
    try {
      var wait = "/v1/apps/{app}/machines/{machine}/wait?state=started&timeout=60&instance_id={v}";
      fly.get(wait, app, id, updated.path("instance_id").asText());
    } catch (FlyException e) {
      if (e.status != 408) throw e; // it sleeps, and its first request starts it
    }
    return updated;
  }

  private static String digest(String text) {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)), 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Begins a step, unless a signal has come. */
  private void say(String format, Object... values) {
    if (interruption != null) interruption.check();
    cli.say("%s", format.formatted(values));
  }
}
