///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Run the blocks of a Markdown page, by default on a sandbox of its own.
//MAIN RunPage
//SOURCES ../../lib/fly/Count.java ../../lib/fly/FlyException.java ../../lib/fly/Settings.java
//SOURCES ../../lib/fly/TextFile.java ../../lib/fly/cli/Cli.java ../../lib/fly/page/Page.java
//SOURCES ../../lib/fly/page/PageRun.java ../../lib/fly/sandbox/SandboxConfig.java
//SOURCES ../../lib/fly/sandbox/SandboxServer.java ../mcp/FilesServer.java
//FILES imports.jsh=../../lib/fly/shell/imports.jsh
//FILES shell-help.txt=../../lib/fly/shell/shell-help.txt
//FILES app.json=../guide/app.json
//FILES machine.json=../guide/machine.json
//FILES volume.json=../guide/volume.json
//FILES allocate-ip.json=../guide/allocate-ip.json

import fly.Count;
import fly.FlyException;
import fly.Settings;
import fly.TextFile;
import fly.cli.Cli;
import fly.page.Page;
import fly.page.PageRun;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-run-page",
    header = "fly-run-page docs/guide.md",
    description = "Run the blocks of a Markdown page, by default on a sandbox of its own.",
    footer = {
      "%nBlocks fenced as java share one session, as in fly-shell; those fenced as \"sh run\" share"
          + " a",
      "shell's variables, and need curl. The first failure ends it with page, line and block."
    })
class RunPage implements Runnable {
  @Mixin Cli cli;

  @Parameters(paramLabel = "PAGE", description = "The page.")
  Path file;

  @Option(names = "--list", description = "List the blocks, and run none.")
  boolean list;

  @Option(
      names = "--only",
      paramLabel = "BLOCK",
      description = "Show this block only; those before it run silently.")
  String only;

  @Option(names = "--check", description = "Compare the outputs with those on the page.")
  boolean check;

  @Option(names = "--update", description = "Write the outputs into the page.")
  boolean update;

  @Option(names = "--live", description = "Run on the Fly.io of your settings, which may cost.")
  boolean live;

  public static void main(String... args) {
    Cli.main(new RunPage(), args);
  }

  @Override
  public void run() {
    // 1. Read the page.
    var page = new Page(TextFile.read(file));
    if (page.blocks().isEmpty()) {
      throw FlyException.usage(
          file + " has no block to run",
          "blocks that run are fenced as java or as \"sh run\"",
          "fly-run-page docs/guide.md");
    }
    if (list) {
      page.blocks().forEach(block -> cli.out().println(block.name() + ":" + block.line()));
      return;
    }

    // 2. Run its blocks, on a new sandbox.
    if (live) {
      show(page, new PageRun(file.toString(), page, Map.of()));
      return;
    }
    var config = SandboxConfig.onPort(0).filesServer(FilesServer.class);
    try (var sandbox = SandboxServer.start(config)) {
      for (var setting : Settings.values()) System.clearProperty(setting.name());
      sandbox.environment().forEach(System::setProperty);
      show(page, new PageRun(file.toString(), page, sandbox.environment()));
    }
  }

  private void show(Page page, PageRun run) {
    // 3. Show, compare or write what they print.
    var outputs =
        run.run(
            only,
            (block, output) -> {
              if (check || update || only != null && !only.equals(block.name())) return;
              cli.say("%n%s (line %d)", block.name(), block.line());
              cli.out().print(output);
              cli.out().flush();
            });
    if (check) run.check(outputs);
    if (update && only == null) write(page.with(outputs));
    cli.say(Count.of(outputs.size(), "block") + " ran.");
  }

  private void write(String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
