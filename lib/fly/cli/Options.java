//SOURCES ../FlyException.java ../Settings.java ../Template.java Cli.java
package fly.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.FlyException;
import fly.Settings;
import fly.Template;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Stack;
import java.util.concurrent.ThreadLocalRandom;
import picocli.CommandLine.IParameterPreprocessor;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The options that several scripts take, each with one name, one setting and one wording. */
public final class Options {
  private Options() {}

  public static final class App {
    @Option(
        names = {"-a", "--app"},
        paramLabel = "NAME",
        description = "The app ($$APP_NAME).")
    private String name;

    /** The name, or a new name that is unlikely to be taken. */
    public String nameOrNew() {
      if (name == null && Settings.APP_NAME.get() == null) name = random("mcp");
      return name();
    }

    /** A name that is unlikely to be taken. */
    public static String random(String prefix) {
      return "%s-%012x".formatted(prefix, ThreadLocalRandom.current().nextLong(1L << 48));
    }

    public String name() {
      var app = name == null ? Settings.APP_NAME.require() : name;
      if (app.matches("[a-z0-9][a-z0-9-]{0,62}")) return app;
      throw FlyException.usage(
          "\"" + app + "\" is no app name",
          "a name has lowercase letters, digits and dashes, 63 at most",
          "export APP_NAME=" + Settings.APP_NAME.example());
    }
  }

  public static final class Org {
    @Option(names = "--org", paramLabel = "SLUG", description = "The organization ($$ORG).")
    private String slug;

    public String slug() {
      return slug == null ? Settings.ORG.require() : slug;
    }
  }

  public static final class Fleet {
    @Option(
        names = "--name",
        paramLabel = "NAME",
        description = "The name of the fleet (default: ${DEFAULT-VALUE}).")
    private String name = "fleet";

    public String name() {
      return name;
    }
  }

  public static final class Machine {
    @Parameters(
        arity = "0..1",
        paramLabel = "MACHINE_ID",
        description = "The Machine ($$MACHINE_ID).")
    private String id;

    public String id() {
      return id == null ? Settings.MACHINE_ID.require() : id;
    }
  }

  /** The program of a Machine, instead of the request body's. */
  public static final class Program {
    @Parameters(
        paramLabel = "COMMAND",
        description = "After --: the MCP server to run, instead of the guide's.")
    private List<String> words = List.of();

    public void into(ObjectNode request) {
      if (words.isEmpty()) return;
      var command = request.withObject("/config/init").putArray("cmd");
      words.forEach(command::add);
    }
  }

  /** A request body that can be printed, changed and replaced. */
  public static final class Body {
    @Option(names = "--template", paramLabel = "FILE", description = "Your own request body, JSON.")
    private String file;

    @Option(
        names = "--set",
        paramLabel = "PATH=VALUE",
        description = "Set a field of the body; empty, VALUE removes it; \"\" is an empty string.")
    private Map<String, String> fields = new LinkedHashMap<>();

    @Option(names = "--print-template", description = "Print the shipped request body, and exit.")
    private boolean print;

    /** Prints the shipped body if the option asks for it. */
    public boolean printed(String shipped, Cli cli) {
      if (print) cli.out().print(Template.text(shipped));
      return print;
    }

    /** The body with its variables replaced: from {@code values}, else from the settings. */
    public ObjectNode load(String shipped, Map<String, String> values) {
      return Template.load(file, shipped, values);
    }

    /** The body with the fields of {@code --set}, which are set last and so win. */
    public ObjectNode changed(ObjectNode request, Cli cli) {
      Template.set(request, fields, cli::warn);
      return request;
    }
  }

  /** Options for commands whose result is data; {@link Cli} prints it accordingly. */
  public static final class Json {
    @Option(
        names = {"-j", "--json"},
        arity = "0..1",
        paramLabel = "FIELDS",
        preprocessor = Attached.class,
        description =
            "Print JSON instead of a view for people: all of it, or some fields, as in"
                + " --json=id,state.")
    private String fields;

    @Option(
        names = "--jq",
        paramLabel = "EXPRESSION",
        description = "Print what jq selects from the JSON; of several results, from each.")
    private String jq;

    public boolean wanted() {
      return fields != null || jq != null;
    }
  }

  /** Takes a value only after "=": the next word may be a Machine's id. */
  static final class Attached implements IParameterPreprocessor {
    @Override
    public boolean preprocess(
        Stack<String> words, CommandSpec command, ArgSpec option, Map<String, Object> how) {
      if (" ".equals(how.get("separator"))) words.push("");
      return false;
    }
  }

  public static final class Region {
    @Option(
        names = "--region",
        paramLabel = "CODE",
        description = "The region ($$REGION), instead of the request body's.")
    private String code;

    public void into(ObjectNode request) {
      var region = code == null ? Settings.REGION.get() : code;
      if (region != null) request.put("region", region);
    }
  }
}
