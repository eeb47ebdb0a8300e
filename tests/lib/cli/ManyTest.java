import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Commands for many Machines, by the example of fly-start-machine. */
class ManyTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String MACHINES = "/v1/apps/mcp-demo/machines";

  private static void starts(String... ids) {
    for (var id : ids) {
      fly.stubFor(
          post(MACHINES + "/" + id + "/start")
              .willReturn(okJson("{\"previous_state\": \"stopped\"}")));
    }
  }

  private static void list(String query) {
    fly.stubFor(
        get(MACHINES + query)
            .willReturn(
                okJson(
                    """
                    [{"id": "a1", "state": "stopped", "region": "iad",
                      "config": {"metadata": {"fleet": "blue"}}},
                     {"id": "a2", "state": "suspended", "region": "fra",
                      "config": {"metadata": {"fleet": "blue"}}},
                     {"id": "a3", "state": "stopped", "region": "fra", "config": {}}]
                    """)));
  }

  private static TreeSet<String> ids(Script.Result result) {
    var ids = new TreeSet<String>();
    result
        .out()
        .lines()
        .forEach(
            line -> {
              try {
                ids.add(Fly.JSON.readTree(line).path("id").asText());
              } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
                throw new AssertionError(line, e);
              }
            });
    return ids;
  }

  @Test
  void each_answer_is_a_line_of_JSON_with_the_id_first() {
    starts("a1", "a2");

    var result = Script.run(new StartMachine(), "a1", "a2", "a1");

    assertEquals(0, result.exit(), result.err());
    assertEquals(2, result.out().lines().count());
    assertTrue(result.out().contains("{\"id\":\"a1\",\"previous_state\":\"stopped\"}\n"));
    assertTrue(result.err().contains("Starting 2 Machines ...\n2 of 2 done in "), result.err());
  }

  @Test
  void ids_come_from_stdin_as_words_or_as_lines_of_JSON() {
    starts("a1", "a2", "a3", "a4");

    var result =
        Script.runWithInput(
            "a1 a2\n\n{\"id\":\"a3\",\"state\":\"stopped\"}\n",
            new StartMachine(),
            "-",
            "a4",
            "-q");

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        new TreeSet<>(List.of("a1", "a2", "a3", "a4")),
        new TreeSet<>(result.out().lines().toList()));
    assertEquals("", result.err());
  }

  @Test
  void all_Machines_of_the_app_are_meant_by_all() {
    list("?summary=true");
    starts("a1", "a2", "a3");

    var result = Script.run(new StartMachine(), "--all");

    assertEquals(0, result.exit(), result.err());
    assertEquals(new TreeSet<>(List.of("a1", "a2", "a3")), ids(result));
  }

  @Test
  void state_and_region_select_together() {
    list("?summary=true");
    starts("a3");

    var result = Script.run(new StartMachine(), "--state", "stopped", "--region", "fra");

    assertEquals(0, result.exit(), result.err());
    assertEquals(new TreeSet<>(List.of("a3")), ids(result));
  }

  @Test
  void metadata_is_compared_here_even_if_Fly_io_does_not_filter() {
    list("");
    starts("a1", "a2");

    var result = Script.run(new StartMachine(), "--metadata", "fleet=blue");

    assertEquals(0, result.exit(), result.err());
    assertEquals(new TreeSet<>(List.of("a1", "a2")), ids(result));
  }

  @Test
  void a_selection_that_finds_nothing_is_no_failure() {
    list("?summary=true");

    var result = Script.run(new StartMachine(), "--state", "failed");

    assertEquals(0, result.exit(), result.err());
    assertEquals("", result.out());
    assertTrue(result.err().contains("No Machine of mcp-demo matches: nothing to do."));
    assertFalse(result.err().contains("Next:"), result.err());
  }

  @Test
  void the_next_step_is_for_the_Machines_that_were_named() {
    starts("a1", "a2");

    var result = Script.run(new StartMachine(), "a1", "a2");

    assertTrue(
        result.err().endsWith("Next: jbang fly-wait-machine@catalog a1 a2 --state started\n"),
        result.err());
  }

  @Test
  void the_rest_goes_on_after_a_failure_and_the_summary_names_it() {
    starts("a1", "a3");
    fly.stubFor(
        post(MACHINES + "/a2/start")
            .willReturn(status(404).withBody("{\"error\": \"machine not found\"}")));

    var result = Script.run(new StartMachine(), "a1", "a2", "a3");

    assertEquals(1, result.exit());
    assertEquals(new TreeSet<>(List.of("a1", "a3")), ids(result));
    assertTrue(result.err().contains("failed: a2: there is no such Machine (machine not found"));
    assertTrue(result.err().contains("2 of 3 done"), result.err());
    assertTrue(
        result
            .err()
            .contains(
                """
                error: 1 of 3 Machines failed
                  why: there is no such Machine: a2
                  try: the same command with these only: a2
                """),
        result.err());
  }

  @Test
  void Machines_that_an_option_names_are_named_so_in_the_advice() {
    fly.stubFor(post(urlPathMatching(MACHINES + "/a[12]/exec")).willReturn(status(404)));

    var result = Script.run(new Exec(), "--machine", "a1", "--machine", "a2", "--", "ls");

    assertTrue(result.err().contains("try: the same command with these only: --machine a"));
  }

  @Test
  void a_selection_by_a_state_that_nobody_knows_is_a_wrong_command_line() {
    list("?summary=true");

    var result = Script.run(new StartMachine(), "--state", "banana");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("is in the state banana"), result.err());
    assertTrue(result.err().contains("starting, stopped, stopping, suspended"), result.err());
  }

  @Test
  void ids_beside_a_selection_are_a_wrong_command_line() {
    var result = Script.run(new StartMachine(), "a1", "--all");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: ids and a selection exclude each other"));
  }

  @Test
  void a_dry_run_reads_the_selection_and_prints_a_curl_for_each() {
    list("?summary=true");

    var result = Script.run(new StartMachine(), "-n", "--region", "fra");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("/a2/start\""), result.out());
    assertTrue(result.out().contains("/a3/start\""), result.out());
    assertFalse(result.out().contains("/a1/start"), result.out());
    fly.verify(0, postRequestedFor(anyUrl()));
  }

  @Test
  void a_command_in_several_Machines_ends_with_1_if_any_of_theirs_does_not_end_with_0() {
    for (var id : List.of("a1", "a2")) {
      fly.stubFor(
          post(MACHINES + "/" + id + "/exec")
              .willReturn(okJson("{\"exit_code\": %d}".formatted(id.equals("a1") ? 0 : 3))));
    }

    var result = Script.run(new Exec(), "--machine", "a1", "--machine", "a2", "--", "true");

    assertEquals(1, result.exit());
    assertTrue(result.out().contains("{\"id\":\"a2\",\"exit_code\":3}"), result.out());
  }

  @Test
  void a_word_that_cannot_be_an_id_is_refused_before_anything_is_sent() {
    for (var word : List.of("web-0001", "../apps", "a1?x", "warning:")) {
      var result = Script.run(new DestroyMachine(), "a1", word);

      assertEquals(2, result.exit(), result.err());
      assertTrue(result.err().contains("\"" + word + "\" is no id of a Machine"), result.err());
      assertTrue(result.err().contains("try: jbang fly-list-machines@catalog"), result.err());
    }
    System.setProperty("MACHINE_ID", "web-0001");
    try {
      assertEquals(2, Script.run(new StopMachine()).exit());
    } finally {
      System.clearProperty("MACHINE_ID");
    }
  }

  @Test
  void a_line_of_JSON_without_an_id_is_refused() {
    var result = Script.runWithInput("{\"state\":\"stopped\"}\n", new DestroyMachine(), "-");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("\"\" is no id of a Machine"), result.err());
  }

  @Test
  void a_dry_run_of_a_selection_that_finds_nothing_says_so() {
    list("?summary=true");

    var result = Script.run(new StartMachine(), "-n", "--region", "syd");

    assertEquals(0, result.exit(), result.err());
    assertEquals("", result.out());
    assertEquals("No Machine of mcp-demo matches: nothing to do.\n", result.err());
  }
}
