import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.cli.Cli;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;

/** Our model of each command is the same as the one that picocli makes by reflection. */
class CommandModelTest {
  @Test
  void each_command_has_the_model_that_picocli_makes_of_it() throws Exception {
    for (var alias : EachCommand.aliases()) {
      var ours = Cli.commandLine(EachCommand.script(alias)).getCommandSpec();
      var theirs = new CommandLine(EachCommand.script(alias)).getCommandSpec();

      assertEquals(facts(theirs), facts(ours), alias);
      assertEquals(theirs.mixins().keySet(), ours.mixins().keySet(), alias);
    }
  }

  @Test
  void the_help_of_each_command_is_the_same() throws Exception {
    for (var alias : EachCommand.aliases()) {
      var theirs = new CommandLine(EachCommand.script(alias)).setUsageHelpWidth(100);
      var ours = Cli.commandLine(EachCommand.script(alias));
      theirs
          .getCommandSpec()
          .usageMessage()
          .header(ours.getCommandSpec().usageMessage().header()); // with the reader's own call

      assertEquals(theirs.getUsageMessage(Ansi.OFF), ours.getUsageMessage(Ansi.OFF), alias);
    }
  }

  @Test
  void only_commands_with_unusual_annotations_are_read_by_picocli() throws Exception {
    var slow = new TreeSet<String>();
    for (var alias : EachCommand.aliases()) {
      var spec = Cli.commandLine(EachCommand.script(alias)).getCommandSpec();
      if (!spec.mixinAnnotatedElements().isEmpty()) slow.add(alias); // only reflection has these
    }

    assertEquals(
        new TreeSet<>(List.of("fly-call-mcp", "fly-mcp-config", "fly-sandbox", "fly-shell")), slow);
  }

  private static List<String> facts(CommandSpec spec) {
    var usage = spec.usageMessage();
    var facts = new ArrayList<String>();
    facts.add(spec.name());
    facts.add(String.join("|", usage.description()) + String.join("|", usage.footer()));
    for (var option : spec.options()) {
      facts.add(
          String.join(" ", option.names())
              + fact(option)
              + option.usageHelp()
              + option.versionHelp()
              + option.negatable()
              + option.order()
              + option.fallbackValue());
    }
    for (var parameter : spec.positionalParameters()) {
      facts.add(parameter.index() + " " + fact(parameter));
    }
    Collections.sort(facts); // methods have no order
    return facts;
  }

  private static String fact(ArgSpec arg) {
    return List.of(
            arg.type(),
            List.of(arg.auxiliaryTypes()),
            arg.arity(),
            arg.isPositional() || arg.arity().isUnspecified(),
            arg.paramLabel(),
            List.of(arg.description()),
            arg.required(),
            arg.splitRegex(),
            arg.hasInitialValue(),
            String.valueOf(arg.initialValue()),
            String.valueOf(arg.defaultValue()),
            arg.preprocessor().getClass(),
            arg.hidden(),
            String.valueOf(arg.completionCandidates()),
            String.valueOf(arg.userObject()))
        .toString();
  }

  @Test
  void a_line_below_a_help_that_is_wider_than_a_terminal_has_no_line_that_continues_it()
      throws Exception {
    for (var alias : EachCommand.aliases()) {
      var spec = Cli.commandLine(EachCommand.script(alias)).getCommandSpec();
      var lines = String.join("\n", spec.usageMessage().footer()).split("\n");
      for (int i = 0; i + 1 < lines.length; i++) {
        var line = lines[i].replace("%n", "").replace("$$", "$");
        assertTrue(line.length() <= 100 || lines[i + 1].startsWith("%n"), alias + ": " + line);
      }
    }
  }
}
