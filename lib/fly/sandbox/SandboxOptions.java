//SOURCES ../Fly.java SandboxConfig.java SandboxServer.java model/JsonNodes.java runtime/ImageCommands.java
package fly.sandbox;

import static picocli.CommandLine.Spec.Target.MIXEE;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.sandbox.model.JsonNodes;
import fly.sandbox.runtime.ImageCommands;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options for the behaviour of a sandbox. */
public final class SandboxOptions {
  @Spec(MIXEE)
  private CommandSpec spec;

  @Option(names = "--rate-limits", description = "Limit the rate of requests as Fly.io does: 429.")
  private boolean rateLimits;

  @Option(
      names = "--latency",
      paramLabel = "TIMES",
      description = "How long things take: start=300ms,create=2s,api=20ms.")
  private String latency = "";

  @Option(
      names = "--fault",
      paramLabel = "FAULT",
      description =
          "What goes wrong: 'METHOD PATH WHAT xTIMES', as 'POST /v1/apps/*/machines 503 x2'. WHAT"
              + " is a status, reset-before, reset-after (the effect), timeout or slow.")
  private List<String> faults = List.of();

  @Option(
      names = "--idle",
      paramLabel = "TIME",
      description =
          "How long a Machine with autostop may be idle before it stops (default:"
              + " ${DEFAULT-VALUE}).")
  private String idle = "5m";

  @Option(
      names = "--guess",
      paramLabel = "NAME=VALUE",
      description =
          "What Fly.io does where it is not known, instead of the likeliest; see --guesses.")
  private Map<String, String> guesses = Map.of();

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Keep everything in this folder, for the next sandbox on it.")
  private Path data;

  @Option(
      names = "--image",
      paramLabel = "NAME=COMMAND",
      description =
          "What Machines of an image run here: a line for the shell, whose program listens at the"
              + " port in $PORT. Images that are not named are state only, but for flyio/mcp.")
  private Map<String, String> images = Map.of();

  /** The program before the MCP servers of the image flyio/mcp. */
  enum Wrap {
    FLYCTL,
    OURS
  }

  @Option(
      names = "--wrap",
      paramLabel = "WHOSE",
      description =
          "What is before the MCP servers of flyio/mcp: flyctl, as on Fly.io (default), which drops"
              + " replies while nobody listens; or ours, fly-mcp-wrap, which keeps them and speaks"
              + " Streamable HTTP, too.")
  private Wrap wrap = Wrap.FLYCTL;

  /** A config with the folder and the images. */
  SandboxConfig into(SandboxConfig config) {
    var run = new LinkedHashMap<>(images);
    if (wrap == Wrap.OURS) run.put("flyio/mcp", ImageCommands.ourWrap());
    return config.keep(data).run(run);
  }

  /** Sets what can change while a sandbox runs. */
  void apply(SandboxServer sandbox) {
    sandbox.idle(idle);
    guesses.forEach(sandbox.guesses()::choose);
    sandbox.faults().change(json());
  }

  /** The options as a running sandbox reports them, by the name of the option. */
  ObjectNode json() {
    var json = JsonNodes.object().put("rate_limits", rateLimits).put("latency", latency);
    json.set("faults", Fly.JSON.mapper().valueToTree(faults));
    json.put("idle", idle).set("guess", Fly.JSON.mapper().valueToTree(guesses));
    json.put("data", data == null ? null : data.toAbsolutePath().normalize().toString());
    json.set("image", Fly.JSON.mapper().valueToTree(images));
    return json.put("wrap", wrap.name().toLowerCase(Locale.ROOT));
  }

  /** The given options whose values a running sandbox does not have. */
  List<String> differences(JsonNode running) {
    var differences = new ArrayList<String>();
    var mine = json();
    for (var field : mine.properties()) {
      var option = "--" + (field.getKey().equals("faults") ? "fault" : field.getKey());
      option = option.replace('_', '-');
      var given = spec.commandLine().getParseResult().hasMatchedOption(option);
      if (given && !field.getValue().equals(running.path(field.getKey()))) differences.add(option);
    }
    return differences;
  }

  /** The options as arguments for a new process. */
  List<String> arguments() {
    var arguments = new ArrayList<>(List.of("--idle", idle));
    if (!latency.isEmpty()) arguments.addAll(List.of("--latency", latency));
    arguments.addAll(List.of("--wrap", wrap.name()));
    if (rateLimits) arguments.add("--rate-limits");
    if (data != null) arguments.addAll(List.of("--data", data.toString()));
    guesses.forEach((name, value) -> arguments.addAll(List.of("--guess", name + "=" + value)));
    images.forEach((name, run) -> arguments.addAll(List.of("--image", name + "=" + run)));
    for (var fault : faults) arguments.addAll(List.of("--fault", fault));
    return arguments;
  }
}
