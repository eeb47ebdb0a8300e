///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the sizes of a Machine: its CPUs, and the memory that it can have.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/GuestSize.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Columns.java ../../lib/fly/cli/Options.java

import fly.Fly;
import fly.GuestSize;
import fly.cli.Cli;
import fly.cli.Columns;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-list-sizes",
    header = "fly-list-sizes",
    description = "List the sizes of a Machine: its CPUs, and the memory that it can have.",
    footer = {
      "%nWith -q: names only, one per line; for --set config.size=NAME. It sends nothing.",
      "%nFly.io: https://fly.io/docs/machines/guides-examples/machine-sizing/"
    })
class ListSizes implements Runnable {
  @Mixin Cli cli;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new ListSizes(), args);
  }

  @Override
  public void run() {
    var sizes = Fly.JSON.createArrayNode();
    for (var size : GuestSize.ALL) {
      sizes
          .addObject()
          .put("name", size.name())
          .put("cpu_kind", size.cpuKind())
          .put("cpus", size.cpus())
          .put("memory_mb", size.least())
          .put("most_memory_mb", size.most())
          .put("step_mb", size.step());
    }

    var columns =
        Columns.of("SIZE", "/name")
            .and("CPUS", "/cpus")
            .and("MB", "/memory_mb")
            .and("AT MOST", "/most_memory_mb")
            .and("IN STEPS OF", "/step_mb");
    cli.list(sizes, columns, "");
    cli.say("More memory: --set config.guest.memory_mb=512");
  }
}
