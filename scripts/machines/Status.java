///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Show an app: its addresses, its volumes, and its Machines with what they did last.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/Settings.java ../../lib/fly/Volume.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Columns.java ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.Settings;
import fly.Volume;
import fly.cli.Cli;
import fly.cli.Columns;
import fly.cli.Hint;
import fly.cli.Options;
import java.time.Instant;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-status",
    header = "fly-status --app mcp-demo-3f9c51e0a7b2",
    description =
        "Show an app: its addresses, its volumes, and its Machines with what they did last.")
class Status implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new Status(), args);
  }

  @Override
  public void run() {
    var status = Fly.JSON.createObjectNode();
    var fly = cli.fly();

    cli.announce("Asking for the app %s and all that is in it ...", app.name());
    status.set("app", fly.get("/v1/apps/{app}", app.name()));
    status.put("url", Settings.edgeUrl(app.name()));
    status.set("ips", fly.get("/v1/apps/{app}/ip_assignments", app.name()).path("ips"));
    status.putArray("volumes").addAll(fly.volumes(app.name()).stream().map(Volume::json).toList());
    status.set("machines", fly.get("/v1/apps/{app}/machines", app.name()));
    if (cli.dryRun) return;

    if (cli.quiet) cli.out().println(status.at("/app/id").asText());
    else if (cli.viewed()) show(status);
    else cli.print(status);
    if (status.path("ips").isEmpty()) {
      cli.say("It has no IP address, so nobody reaches it. Next: " + Hint.of("fly-allocate-ips"));
    }
  }

  private void show(JsonNode status) {
    table(
        List.of(status),
        Columns.of("APP", "/app/name")
            .and("STATUS", "/app/status")
            .and("ORGANIZATION", "/app/organization/slug")
            .and("URL", "/url"));
    table(
        status.path("ips"),
        Columns.of("ADDRESS", "/ip").and("SHARED", "/shared").and("REGION", "/region"));
    table(
        status.path("volumes"),
        Columns.of("VOLUME", "/id")
            .and("NAME", "/name")
            .and("STATE", "/state")
            .and("REGION", "/region")
            .and("GB", "/size_gb")
            .and("MACHINE", "/attached_machine_id"));
    table(
        status.path("machines"),
        Columns.of("MACHINE", "/id")
            .and("NAME", "/name")
            .and("STATE", "/state")
            .and("REGION", "/region")
            .and("LAST EVENT", machine -> event(machine.at("/events/0")))
            .and("AT", machine -> time(machine.at("/events/0/timestamp"))));
  }

  /** Prints a table for each kind of thing, with a blank line before all but the app. */
  private void table(Iterable<JsonNode> things, Columns columns) {
    if (!things.iterator().hasNext()) return;
    if (things instanceof JsonNode) cli.out().println();
    cli.table(columns, things);
  }

  /** Such as "exit (code 1) by flyd"; the newest event comes first. */
  private static String event(JsonNode event) {
    if (event.isMissingNode()) return "";
    var code = event.at("/request/exit_event/exit_code");
    return event.path("type").asText()
        + (code.isMissingNode() ? "" : " (code " + code.asText() + ")")
        + " by "
        + event.path("source").asText("?");
  }

  private static String time(JsonNode milliseconds) {
    if (!milliseconds.isNumber()) return "";
    return Instant.ofEpochSecond(milliseconds.asLong() / 1000).toString();
  }
}
