///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Update Machines: change fields of their configuration, and keep the rest.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/MachineUpdate.java ../../lib/fly/Template.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Many.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.FlyException;
import fly.MachineUpdate;
import fly.Template;
import fly.cli.Cli;
import fly.cli.Many;
import fly.cli.Options;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-update-machine",
    header = "fly-update-machine 148ed127f22387 --set config.guest.memory_mb=512",
    description = "Update Machines: change fields of their configuration, and keep the rest.",
    footer = {
      "%nFly.io replaces the whole configuration: this reads it, changes it and sends it, under the"
          + " Machine's",
      "lease. A Machine that runs is restarted; one that does not run stays so. -n reads, and shows"
          + " the",
      "difference and the request.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations"
    })
class UpdateMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Many.InState machines;

  @Option(
      names = "--set",
      paramLabel = "PATH=VALUE",
      description =
          "Set a field, such as config.guest.memory_mb; empty, VALUE removes it;"
              + " \"\" is an empty string.")
  Map<String, String> fields = new LinkedHashMap<>();

  @Option(names = "--image", paramLabel = "IMAGE", description = "Run this image.")
  String image;

  @Option(names = "--env", paramLabel = "NAME=VALUE", description = "Set an environment variable.")
  Map<String, String> env = new LinkedHashMap<>();

  @Option(names = "--wait", description = "Wait for the lease if another client holds it.")
  boolean waiting;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "The longest wait for the lease and for the new version (default: 5m).")
  Duration timeout = Duration.ofMinutes(5);

  public static void main(String... args) {
    Cli.main(new UpdateMachine(), args);
  }

  @Override
  public void run() {
    if (fields.isEmpty() && env.isEmpty() && image == null) {
      throw FlyException.usage(
          "there is nothing to update", "no --set, --image or --env", "--set PATH=VALUE");
    }
    cli.sayTarget(null);
    machines.each(cli, app.name(), "Updating", cli.dryRun ? this::show : this::update);
  }

  /** The change to the configuration that is there; the rest of it stays. */
  private void edit(ObjectNode request) {
    if (image != null) request.withObject("/config").put("image", image);
    env.forEach((name, value) -> request.withObject("/config/env").put(name, value));
    Template.set(request, fields, cli::warn);
  }

  /** Lease, read, change, send, wait for the new version, release. */
  private JsonNode update(Many.Item machine) {
    return new MachineUpdate(machine.fly(), machine.story())
        .update(
            app.name(),
            machine.id(),
            this::edit,
            difference -> tell(machine.id(), difference),
            waiting ? timeout : Duration.ZERO,
            timeout);
  }

  /** Reads, and shows the difference and the request. */
  private JsonNode show(Many.Item machine) {
    var plan = new MachineUpdate(cli.reading(), cli).plan(app.name(), machine.id(), this::edit);
    tell(machine.id(), plan.difference());
    if (plan.difference().isEmpty()) return MissingNode.getInstance();
    var path = "/v1/apps/{app}/machines/{machine}";
    return cli.fly().post(path, plan.request(), app.name(), machine.id());
  }

  private void tell(String id, List<String> difference) {
    if (cli.quiet) return;
    if (difference.isEmpty()) cli.err().printf("%s: nothing to change%n", id);
    for (var line : difference) cli.err().printf("%s: %s%n", id, line);
  }
}
