///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Write a command of ours out as a script of your own, to change and run anywhere.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/Settings.java ../../lib/fly/ShellWord.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/eject/Ejection.java

import fly.FlyException;
import fly.Settings;
import fly.ShellWord;
import fly.cli.Cli;
import fly.eject.Ejection;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-eject",
    header = "fly-eject fly-create-machine",
    description =
        "Write a command of ours out as a script of your own, to change and run anywhere.",
    footer = {
      "%nThe script takes the library from --from: this clone, or a URL at a tag. Its request",
      "bodies are copied beside it."
    })
class Eject implements Runnable {
  @Mixin Cli cli;

  @Parameters(paramLabel = "ALIAS", description = "The command, such as fly-create-machine.")
  String alias;

  @Option(names = "--to", paramLabel = "DIR", description = "The folder (default: this one).")
  Path folder = Path.of("");

  @Option(
      names = "--from",
      paramLabel = "BASE",
      description = "The folder or URL of our jbang-catalog.json (default: this clone).")
  String base = Settings.lookup("FLY_ROOT");

  public static void main(String... args) {
    Cli.main(new Eject(), args);
  }

  @Override
  public void run() {
    if (base == null) {
      throw FlyException.usage(
          "where is the library?",
          "this was not started by ./jbang of a clone",
          "--from the folder of a clone, or a URL at a tag");
    }

    // 1. Rewrite the script: the library by full addresses, request bodies beside it.
    var files = new Ejection(base).files(alias);

    // 2. Refuse to overwrite, then write.
    for (var name : files.keySet()) {
      if (!Files.exists(folder.resolve(name))) continue;
      throw FlyException.usage(
          folder.resolve(name) + " is there already", "nothing is overwritten", "--to NEW_FOLDER");
    }
    try {
      Files.createDirectories(folder.toAbsolutePath());
      for (var file : files.entrySet()) {
        Files.write(folder.resolve(file.getKey()), file.getValue());
        cli.out().println(folder.resolve(file.getKey()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var script = folder.resolve(files.keySet().iterator().next());
    cli.say("Run it: jbang %s --help", ShellWord.of(script));
  }
}
