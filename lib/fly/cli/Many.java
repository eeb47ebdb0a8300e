//SOURCES ../Count.java ../Fly.java ../FlyException.java ../Machines.java ../Settings.java ../Story.java
//SOURCES ../TextFile.java Cli.java Hint.java Options.java
package fly.cli;

import static picocli.CommandLine.Spec.Target.MIXEE;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Count;
import fly.Fly;
import fly.FlyException;
import fly.Machines;
import fly.Settings;
import fly.Story;
import fly.TextFile;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * The Machines of a command: one, several, those on stdin, or those of a selection. The command
 * works on several at once, in one JVM; each result is a line.
 */
public abstract class Many {
  private static final int SHOWN = 10;

  /** Fewer need no progress. */
  private static final int FEW = 20;

  @Spec(MIXEE)
  private CommandSpec spec;

  @Option(names = "--all", description = "Every Machine of the app.")
  private boolean all;

  @Option(
      names = "--metadata",
      paramLabel = "KEY=VALUE",
      description = "Every Machine with this metadata.")
  private Map<String, String> metadata = new LinkedHashMap<>();

  @Option(
      names = "--parallel",
      paramLabel = "N",
      description = "The number of Machines to work on at once (default: ${DEFAULT-VALUE}).")
  private int parallel = 50;

  @Mixin public Options.Json json;

  private List<String> worked = List.of();

  /** The ids as given; "-" means those on stdin. */
  abstract List<String> ids();

  /** The ids as the command line takes them. */
  List<String> given(Collection<String> ids) {
    return List.copyOf(ids);
  }

  String state() {
    return null;
  }

  /** The region of {@code --region}, or null. */
  public String region() {
    return null;
  }

  /** Machines as arguments, of any region. */
  public static class Ids extends Many {
    @Parameters(
        paramLabel = "MACHINE_ID",
        description = "The Machines ($$MACHINE_ID); - reads ids from stdin.")
    private List<String> ids = List.of();

    @Option(names = "--region", paramLabel = "CODE", description = "Every Machine of this region.")
    private String region;

    @Override
    List<String> ids() {
      return ids;
    }

    @Override
    public String region() {
      return region;
    }
  }

  /** Machines as arguments, or all that are in one state. */
  public static final class InState extends Ids {
    @Option(names = "--state", paramLabel = "STATE", description = "Every Machine in this state.")
    private String state;

    @Override
    String state() {
      return state;
    }
  }

  /** For commands whose arguments are something else: Machines by an option. */
  public static final class ByOption extends Many {
    @Option(
        names = "--machine",
        paramLabel = "MACHINE_ID",
        description = "The Machine ($$MACHINE_ID), also several times; - reads ids from stdin.")
    private List<String> ids = List.of();

    @Option(names = "--state", paramLabel = "STATE", description = "Every Machine in this state.")
    private String state;

    @Option(names = "--region", paramLabel = "CODE", description = "Every Machine of this region.")
    private String region;

    @Override
    List<String> ids() {
      return ids;
    }

    @Override
    List<String> given(Collection<String> ids) {
      return ids.stream().map(id -> "--machine " + id).toList();
    }

    @Override
    String state() {
      return state;
    }

    @Override
    public String region() {
      return region;
    }
  }

  /** A Machine to work on; its client has the command's time for this Machine alone. */
  public record Item(String id, Fly fly, Story story) {}

  /** Does one thing to one Machine, and returns the result. */
  public interface Work {
    JsonNode on(Item item);
  }

  /** True for a selection, not ids. */
  public boolean selecting() {
    return all || !metadata.isEmpty() || state() != null || region() != null;
  }

  /**
   * Exactly one Machine, by its id: the answer is shown as it is, and a failure is the command's.
   */
  public boolean one() {
    return !selecting() && ids().size() < 2 && !ids().contains("-");
  }

  /** True if no Machine is named, and only a region selected. */
  public boolean unnamed() {
    return ids().isEmpty() && !all && metadata.isEmpty() && state() == null;
  }

  /** The ids to work on, each once. */
  public List<String> ids(Cli.Api cli, String app) {
    if (selecting() && !ids().isEmpty()) {
      throw FlyException.usage(
          "ids and a selection exclude each other",
          "%s, and --all, --state, --metadata or --region".formatted(String.join(" ", ids())),
          "leave one of the two out");
    }
    if (selecting()) return selected(cli, app);
    return ids().isEmpty() ? List.of(known(Settings.MACHINE_ID.require())) : named();
  }

  /** The ids that were given, each once; those on stdin are read. */
  public List<String> named() {
    var found = new LinkedHashSet<String>();
    for (var id : ids()) {
      if (id.equals("-")) found.addAll(stdin());
      else found.add(id);
    }
    for (var id : found) known(id);
    return List.copyOf(found);
  }

  /** Refuses a name or any other word: a Machine that is not there could pass for a gone one. */
  private static String known(String id) {
    if (id.matches("[0-9A-Za-z]+")) return id;
    throw FlyException.usage(
        "\"" + id + "\" is no id of a Machine",
        "an id has letters and digits only, such as 148ed127f22387",
        "fly-list-machines");
  }

  /**
   * Reads the selected Machines, also in a dry run. Metadata is compared again, because a server
   * may ignore the filter.
   */
  private List<String> selected(Cli.Api cli, String app) {
    var path = new StringBuilder("/v1/apps/{app}/machines");
    if (metadata.isEmpty()) path.append("?summary=true");
    var found = new ArrayList<String>();
    for (var machine : cli.reading().get(path.toString(), app)) {
      if (matches(machine)) found.add(machine.path("id").asText());
    }
    if (found.isEmpty() && state() != null && !Machines.states().contains(state())) {
      throw FlyException.usage(
          "no Machine of %s is in the state %s".formatted(app, state()),
          "no such state is known",
          "--state with one of: " + String.join(", ", Machines.states()));
    }
    return found;
  }

  private boolean matches(JsonNode machine) {
    if (state() != null && !state().equals(machine.path("state").asText())) return false;
    if (region() != null && !region().equals(machine.path("region").asText())) return false;
    var has = machine.at("/config/metadata");
    return metadata.entrySet().stream()
        .allMatch(entry -> entry.getValue().equals(has.path(entry.getKey()).asText(null)));
  }

  /** Ids from stdin: words, or JSON lines as these commands print them. */
  private static List<String> stdin() {
    try {
      var ids = new ArrayList<String>();
      for (var line :
          TextFile.stdin().lines().map(String::strip).filter(line -> !line.isEmpty()).toList()) {
        if (line.startsWith("{")) ids.add(Fly.JSON.readTree(line).path("id").asText());
        else ids.addAll(List.of(line.split("\\s+")));
      }
      return ids;
    } catch (JsonProcessingException e) {
      throw FlyException.usage(
          "stdin holds no ids", e.getMessage(), "one id a line, or one JSON a line");
    }
  }

  /**
   * Does the work on each Machine.
   *
   * @param doing such as "Starting"
   * @throws FlyException if it failed for any, after all the others are done
   */
  public void each(Cli.Api cli, String app, String doing, Work work) {
    var ids = ids(cli, app);
    worked = ids;
    if (one()) {
      var id = ids.get(0);
      cli.announce("%s the Machine %s ...", doing, id);
      cli.print(work.on(item(cli, id, cli)), id);
      return;
    }
    if (ids.isEmpty()) {
      if (!cli.quiet) cli.err().println("No Machine of %s matches: nothing to do.".formatted(app));
      return;
    }
    if (cli.dryRun) {
      for (var id : ids) work.on(item(cli, id, cli));
      return;
    }
    var what = doing + " " + Count.of(ids.size(), "Machine");
    var start = System.nanoTime();
    Map<String, FlyException> failures;
    if (ids.size() < FEW) {
      cli.announce("%s ...", what);
      failures = inParallel(cli, ids, work, () -> {});
    } else {
      try (var progress = cli.progress(what, ids.size())) {
        failures = inParallel(cli, ids, work, progress::step);
      }
    }
    var took = (System.nanoTime() - start) / 1e9;
    cli.say("%d of %d done in %.2f s.", ids.size() - failures.size(), ids.size(), took);
    if (!failures.isEmpty()) throw failed(failures, ids.size());
  }

  /** Names the command that waits until the Machines of {@link #each} have this state. */
  public void next(Cli.Api cli, String state) {
    if (worked.isEmpty() || worked.size() > SHOWN) return;
    var setting = ids().isEmpty() && !selecting();
    var which = setting ? "" : " " + String.join(" ", worked);
    cli.say("Next: %s%s --state %s", Hint.of("fly-wait-machine"), which, state);
  }

  private static Item item(Cli.Api cli, String id, Story story) {
    return new Item(id, cli.fly(), story);
  }

  private Map<String, FlyException> inParallel(
      Cli.Api cli, List<String> ids, Work work, Runnable step) {
    Story silence = cli.verbose ? cli : cli.onlyInsisting();
    return cli.fly()
        .each(
            ids,
            parallel,
            id -> {
              try {
                var result = work.on(item(cli, id, silence));
                if (cli.quiet) cli.out().println(id);
                else cli.printLine(with(id, result));
              } catch (FlyException e) {
                cli.err().println("failed: %s: %s (%s)".formatted(id, e.what, e.why));
                throw e;
              } finally {
                step.run();
              }
            });
  }

  /** The answer with its Machine's id before it. */
  private static JsonNode with(String id, JsonNode result) {
    var line = Fly.JSON.createObjectNode().put("id", id);
    if (result instanceof ObjectNode object) line.setAll(object);
    return line;
  }

  private FlyException failed(Map<String, FlyException> failures, int all) {
    var reasons =
        failures.entrySet().stream()
            .collect(
                Collectors.groupingBy(
                    entry -> entry.getValue().what,
                    LinkedHashMap::new,
                    Collectors.mapping(Map.Entry::getKey, Collectors.toList())));
    var why =
        reasons.entrySet().stream()
            .map(reason -> reason.getKey() + ": " + shown(reason.getValue()))
            .collect(Collectors.joining("; "));
    var codes = failures.values().stream().map(e -> e.exitCode).distinct().toList();
    return new FlyException(
        "%d of %s failed".formatted(failures.size(), Count.of(all, "Machine")),
        why,
        failures.size() <= SHOWN
            ? "the same command with these only: " + String.join(" ", given(failures.keySet()))
            : "the same command again: what is done stays done",
        codes.size() == 1 ? codes.get(0) : FlyException.REFUSED);
  }

  private static String shown(List<String> ids) {
    var first = String.join(", ", ids.subList(0, Math.min(SHOWN, ids.size())));
    return ids.size() <= SHOWN ? first : first + " and %d more".formatted(ids.size() - SHOWN);
  }
}
