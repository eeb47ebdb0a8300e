///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Show an app: its addresses, its volumes, and its Machines with what they did last.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/Settings.java ../../lib/fly/Volume.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.Settings;
import fly.Volume;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
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

    cli.say("Asking for the app %s and all that is in it ...", app.name());
    status.set("app", fly.get("/v1/apps/{app}", app.name()));
    status.put("url", Settings.edgeUrl(app.name()));
    status.set("ips", fly.get("/v1/apps/{app}/ip_assignments", app.name()).path("ips"));
    status.putArray("volumes").addAll(fly.volumes(app.name()).stream().map(Volume::json).toList());
    status.set("machines", fly.get("/v1/apps/{app}/machines", app.name()));
    if (cli.dryRun) return;

    if (cli.quiet) cli.out().println(status.at("/app/id").asText());
    else if (json.wanted) cli.print(status);
    else show(status);
    if (status.path("ips").isEmpty()) {
      cli.say("It has no IP address, so nobody reaches it. Next: " + Hint.of("fly-allocate-ips"));
    }
  }

  private void show(JsonNode status) {
    table(
        List.of("APP", "STATUS", "ORGANIZATION", "URL"),
        List.of(status),
        s ->
            List.of(
                s.at("/app/name").asText(),
                s.at("/app/status").asText(),
                s.at("/app/organization/slug").asText(),
                s.at("/url").asText()));
    table(
        List.of("ADDRESS", "SHARED", "REGION"),
        status.path("ips"),
        ip ->
            List.of(
                ip.path("ip").asText(),
                ip.path("shared").asBoolean() ? "yes" : "no",
                ip.path("region").asText()));
    table(
        List.of("VOLUME", "NAME", "STATE", "REGION", "GB", "MACHINE"),
        status.path("volumes"),
        volume ->
            List.of(
                volume.path("id").asText(),
                volume.path("name").asText(),
                volume.path("state").asText(),
                volume.path("region").asText(),
                volume.path("size_gb").asText(),
                volume.path("attached_machine_id").asText("")));
    table(
        List.of("MACHINE", "NAME", "STATE", "REGION", "LAST EVENT", "AT"),
        status.path("machines"),
        machine ->
            List.of(
                machine.path("id").asText(),
                machine.path("name").asText(),
                machine.path("state").asText(),
                machine.path("region").asText(),
                event(machine.at("/events/0")),
                time(machine.at("/events/0/timestamp"))));
  }

  /** A table of its own for each kind of thing that is there. */
  private void table(
      List<String> headings, Iterable<JsonNode> things, Function<JsonNode, List<String>> row) {
    var rows = new ArrayList<List<String>>();
    things.forEach(thing -> rows.add(row.apply(thing)));
    if (rows.isEmpty()) return;
    if (!headings.get(0).equals("APP")) cli.out().println();
    cli.table(headings, rows);
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
