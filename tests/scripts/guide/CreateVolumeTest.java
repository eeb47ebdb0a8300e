import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.tomakehurst.wiremock.stubbing.Scenario;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class CreateVolumeTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String VOLUMES = "/v1/apps/mcp-demo/volumes";

  private static void there(String volumes) {
    fly.stubFor(get(VOLUMES).willReturn(okJson(volumes)));
  }

  @Test
  void it_sends_the_guides_body_and_prints_the_answer() {
    there("[]");
    fly.stubFor(
        post(VOLUMES)
            .withRequestBody(
                equalToJson("{\"name\": \"data\", \"region\": \"iad\", \"size_gb\": 1}"))
            .willReturn(okJson("{\"id\": \"vol_1\", \"state\": \"created\"}")));

    var result = Script.run(new CreateVolume());

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\n  \"id\": \"vol_1\",\n  \"state\": \"created\"\n}\n", result.out());
    assertTrue(result.err().contains("Creating the volume data of 1 GB in iad"), result.err());
    assertTrue(result.err().contains("Next: jbang fly-create-machine@catalog"), result.err());
  }

  @Test
  void name_region_and_size_are_yours_to_choose() {
    there("[]");
    fly.stubFor(
        post(VOLUMES)
            .withRequestBody(
                equalToJson("{\"name\": \"notes\", \"region\": \"fra\", \"size_gb\": 3}"))
            .willReturn(okJson("{\"id\": \"vol_1\"}")));

    var result =
        Script.run(new CreateVolume(), "--name", "notes", "--region", "fra", "--size", "3", "-q");

    assertEquals(0, result.exit(), result.err());
    assertEquals("vol_1\n", result.out());
  }

  @Test
  void a_name_with_a_dash_is_refused_before_it_is_sent() {
    var result = Script.run(new CreateVolume(), "--name", "my-data");

    assertEquals(2, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: \"my-data\" is no name for a volume"), result.err());
    assertTrue(result.err().contains("try: --name my_data"), result.err());
  }

  @Test
  void a_free_one_that_is_there_already_is_success() {
    there(
        "[{\"id\": \"vol_busy\", \"name\": \"data\", \"region\": \"iad\","
            + " \"attached_machine_id\": \"148ed127f22387\"},"
            + " {\"id\": \"vol_far\", \"name\": \"data\", \"region\": \"fra\"},"
            + " {\"id\": \"vol_gone\", \"name\": \"data\", \"region\": \"iad\","
            + " \"state\": \"pending_destroy\"},"
            + " {\"id\": \"vol_free\", \"name\": \"data\", \"region\": \"iad\","
            + " \"attached_machine_id\": null}]");

    var result = Script.run(new CreateVolume());

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("\"id\": \"vol_free\""), result.out());
    assertTrue(result.err().contains("there already, and attached to no Machine"), result.err());
  }

  @Test
  void another_one_is_created_when_asked_for() {
    there("[{\"id\": \"vol_free\", \"name\": \"data\", \"region\": \"iad\"}]");
    fly.stubFor(post(VOLUMES).willReturn(okJson("{\"id\": \"vol_2\"}")));

    var result = Script.run(new CreateVolume(), "--another", "-q");

    assertEquals(0, result.exit(), result.err());
    assertEquals("vol_2\n", result.out());
  }

  @Test
  void after_an_ambiguous_failure_the_new_one_is_found_by_comparing() {
    var old = "{\"id\": \"vol_1\", \"name\": \"data\", \"region\": \"iad\"}";
    fly.stubFor(
        get(VOLUMES)
            .inScenario("lost")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(okJson("[" + old + "]")));
    fly.stubFor(post(VOLUMES).inScenario("lost").willReturn(status(408)).willSetStateTo("there"));
    fly.stubFor(
        get(VOLUMES)
            .inScenario("lost")
            .whenScenarioStateIs("there")
            .willReturn(okJson("[" + old + ", " + old.replace("vol_1", "vol_2") + "]")));

    var result = Script.run(new CreateVolume(), "--another", "-q");

    assertEquals(0, result.exit(), result.err());
    assertEquals("vol_2\n", result.out());
    fly.verify(1, postRequestedFor(urlEqualTo(VOLUMES)));
  }

  @Test
  void no_room_in_the_region_is_told_with_the_way_out() {
    there("[]");
    fly.stubFor(post(VOLUMES).willReturn(status(400).withBody("{\"error\": \"no capacity\"}")));

    var result = Script.run(new CreateVolume());

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: the region has no room for this"), result.err());
    assertTrue(result.err().contains("no capacity (400 from POST"), result.err());
  }

  @Test
  void a_dry_run_prints_the_guides_curl_and_looks_at_nothing() {
    System.clearProperty("FLY_API_TOKEN");

    var result = Script.run(new CreateVolume(), "-n");

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        "curl -i -X POST \\\n"
            + "-H \"Authorization: Bearer ${FLY_API_TOKEN}\" \\\n"
            + "-H \"Content-Type: application/json\" \\\n"
            + "\""
            + fly.baseUrl()
            + "/v1/apps/mcp-demo/volumes\" \\\n"
            + "-d '{\n  \"name\": \"data\",\n  \"region\": \"iad\",\n  \"size_gb\": 1\n}'\n",
        result.out());
    assertEquals("", result.err());
  }

  @Test
  void it_prints_its_template() {
    var result = Script.run(new CreateVolume(), "--print-template");

    assertEquals(
        "{\n  \"name\": \"data\",\n  \"region\": \"iad\",\n  \"size_gb\": 1\n}\n", result.out());
    assertFalse(result.err().contains("Next"), result.err());
  }
}
