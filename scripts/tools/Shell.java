///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION JShell with the library ready: at a prompt, from a file or a pipe, or one expression.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/TextFile.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/shell/Prelude.java ../../lib/fly/shell/Prompt.java ../../lib/fly/shell/Snippets.java
//FILES imports.jsh=../../lib/fly/shell/imports.jsh
//FILES shell-help.txt=../../lib/fly/shell/shell-help.txt
//FILES META-INF/services/jdk.jshell.spi.ExecutionControlProvider=../../lib/fly/shell/services/jdk.jshell.spi.ExecutionControlProvider
//FILES app.json=../guide/app.json
//FILES machine.json=../guide/machine.json
//FILES volume.json=../guide/volume.json
//FILES allocate-ip.json=../guide/allocate-ip.json

import fly.FlyException;
import fly.TextFile;
import fly.cli.Cli;
import fly.shell.Prelude;
import fly.shell.Prompt;
import fly.shell.Snippets;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-shell",
    header = "fly-shell -e 'Settings.FLY_API_HOSTNAME.get()'",
    description =
        "JShell with the library ready: at a prompt, from a file or a pipe, or one expression.",
    footer = {
      "%nA file or a pipe ends at its first failure, compile errors included, with exit code 1",
      "(or the failure's own). help() lists what is imported."
    })
class Shell implements Callable<Integer> {
  @Mixin Cli cli;

  @Option(
      names = {"-e", "--eval"},
      paramLabel = "CODE",
      description = "Run it, and print its last value; may be repeated.")
  List<String> code = List.of();

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "FILE",
      description = "A file to run; - is stdin.")
  String file;

  @Parameters(
      index = "1..*",
      paramLabel = "ARG",
      description = "After --: the list args of the file.")
  List<String> arguments = List.of();

  public static void main(String... args) {
    Cli.main(new Shell(), args);
  }

  @Override
  public Integer call() {
    // 1. At a terminal JShell's own tool takes over.
    Prelude.args = arguments;
    if (code.isEmpty() && file == null && Prompt.possible()) {
      cli.say("fly, app(), json(), template() and mcp() are ready; help() lists all.");
      return Prompt.serve();
    }

    // 2. Everything else is a text, run up to its first failure.
    try (var snippets = new Snippets()) {
      for (var one : code) show(snippets.run("-e", one));
      if (file != null && !file.equals("-")) snippets.runFile(file);
      else if (code.isEmpty()) snippets.run("stdin", TextFile.stdin());
      return 0;
    } catch (Snippets.Exit exit) {
      return exit.code;
    } catch (FlyException failure) {
      if (cli.verbose && failure.getCause() != null) failure.getCause().printStackTrace(cli.err());
      throw failure;
    }
  }

  /** Prints the value for the next command of a pipe: a string is bare, JSON is indented. */
  private static void show(Object value) {
    if (value != null) Prelude.print(value);
  }
}
