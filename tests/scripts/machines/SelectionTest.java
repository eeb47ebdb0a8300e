import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Each command for many Machines finds those that a selection, or stdin, is for. */
class SelectionTest {
  @RegisterExtension static FleetSandbox sandbox = new FleetSandbox();

  /** A command, with the words that it needs beside the selection. */
  private record Chooser(Supplier<Object> command, List<String> words, boolean states) {}

  private static final Map<String, Chooser> COMMANDS =
      Map.of(
          "fly-start-machine", new Chooser(StartMachine::new, List.of(), true),
          "fly-stop-machine", new Chooser(StopMachine::new, List.of(), true),
          "fly-suspend-machine", new Chooser(SuspendMachine::new, List.of(), true),
          "fly-restart-machine", new Chooser(RestartMachine::new, List.of(), true),
          "fly-destroy-machine", new Chooser(DestroyMachine::new, List.of(), true),
          "fly-update-machine", new Chooser(UpdateMachine::new, List.of("--env", "A=1"), true),
          "fly-wait-machine", new Chooser(WaitMachine::new, List.of(), false));

  private static String machine(String name, String region, String role) {
    var request = FleetSandbox.request(name).put("region", region).put("skip_launch", true);
    request.withObject("/config/metadata").put("role", role);
    return sandbox
        .fly()
        .post("/v1/apps/{app}/machines", request, sandbox.app())
        .path("id")
        .asText();
  }

  /** The names of the Machines that a dry run would send a request for. */
  private static String chosen(Map<String, String> names, Script.Result run) {
    assertEquals(0, run.exit(), run.err());
    return names.entrySet().stream()
        .filter(one -> run.out().contains("/machines/" + one.getKey()))
        .map(Map.Entry::getValue)
        .sorted()
        .collect(Collectors.joining());
  }

  @TestFactory
  Stream<DynamicTest> a_command_is_for_those_that_are_selected() {
    return COMMANDS.entrySet().stream()
        .map(
            one ->
                DynamicTest.dynamicTest(one.getKey(), () -> selects(one.getKey(), one.getValue())));
  }

  private void selects(String alias, Chooser chooser) {
    var a = machine("a-" + alias, "iad", alias + "-web");
    var b = machine("b-" + alias, "fra", alias + "-web");
    var c = machine("c-" + alias, "fra", alias + "-db");
    var names = Map.of(a, "a", b, "b", c, "c");
    sandbox.fly().post("/v1/apps/{app}/machines/{machine}/start", null, sandbox.app(), a);

    assertEquals("ab", chosen(names, run(chooser, "", "--metadata", "role=" + alias + "-web")));
    assertEquals("abc", chosen(names, run(chooser, "", "--all")));
    assertEquals("bc", chosen(names, run(chooser, "", "--region", "fra")));
    assertEquals("ac", chosen(names, run(chooser, a + "\n{\"id\":\"" + c + "\"}\n", "-")));
    assertEquals("bc", chosen(names, run(chooser, "", b, c)));
    if (!chooser.states) return;
    assertEquals("bc", chosen(names, run(chooser, "", "--state", "created")));
    assertEquals(
        "c",
        chosen(names, run(chooser, "", "--region", "fra", "--metadata", "role=" + alias + "-db")));
  }

  private static Script.Result run(Chooser chooser, String stdin, String... selection) {
    var words = Stream.of(Stream.of("-n"), chooser.words.stream(), Stream.of(selection));
    return Script.runWithInput(
        stdin, chooser.command.get(), words.flatMap(all -> all).toArray(String[]::new));
  }

  @Test
  void fly_exec_runs_on_those_that_are_selected() {
    var ids = List.of(sandbox.started("one"), sandbox.started("two"));

    var run = Script.run(new Exec(), "-n", "--region", "iad", "--", "true");

    assertEquals(0, run.exit(), run.err());
    for (var id : ids) assertEquals(1, run.out().split("/machines/" + id + "/exec", -1).length - 1);
  }
}
