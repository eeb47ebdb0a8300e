import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class StatusTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static void app(String ips) {
    fly.stubFor(
        get("/v1/apps/mcp-demo")
            .willReturn(
                okJson(
                    "{\"id\": \"a1\", \"name\": \"mcp-demo\", \"status\": \"deployed\","
                        + " \"organization\": {\"slug\": \"personal\"}}")));
    fly.stubFor(
        get("/v1/apps/mcp-demo/ip_assignments").willReturn(okJson("{\"ips\": [" + ips + "]}")));
    fly.stubFor(
        get("/v1/apps/mcp-demo/volumes")
            .willReturn(
                okJson(
                    "[{\"id\": \"vol_1\", \"name\": \"data\", \"state\": \"created\", \"region\":"
                        + " \"iad\", \"size_gb\": 1, \"attached_machine_id\": null}]")));
    fly.stubFor(
        get("/v1/apps/mcp-demo/machines")
            .willReturn(
                okJson(
                    "[{\"id\": \"148ed127f22387\", \"name\": \"red-fog-1\", \"state\": \"stopped\","
                        + " \"region\": \"iad\", \"events\": [{\"type\": \"exit\", \"source\":"
                        + " \"flyd\", \"timestamp\": 1754000000000, \"request\": {\"exit_event\":"
                        + " {\"exit_code\": 137}}}]}]")));
  }

  @Test
  void it_shows_an_app_and_all_that_is_in_it() {
    app("{\"ip\": \"66.241.124.1\", \"shared\": true, \"region\": \"global\"}");

    var result = Script.runOnTerminal(new Status());

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        """
        APP       STATUS    ORGANIZATION  URL
        mcp-demo  deployed  personal      %s/edge/mcp-demo/

        ADDRESS       SHARED  REGION
        66.241.124.1  yes     global

        VOLUME  NAME  STATE    REGION  GB  MACHINE
        vol_1   data  created  iad     1

        MACHINE         NAME       STATE    REGION  LAST EVENT               AT
        148ed127f22387  red-fog-1  stopped  iad     exit (code 137) by flyd  2025-07-31T22:13:20Z
        """
            .formatted(fly.baseUrl()),
        result.out());
  }

  @Test
  void an_app_that_nobody_can_reach_is_told_with_the_step_that_is_missing() {
    app("");

    var result = Script.run(new Status());

    assertTrue(result.err().contains("Next: jbang fly-allocate-ips@catalog"), result.err());
  }

  @Test
  void with_json_it_is_one_object_and_quietly_the_apps_id() {
    app("");

    var json = Script.run(new Status(), "--json").out();

    for (var name : new String[] {"app", "url", "ips", "volumes", "machines"}) {
      assertTrue(json.contains("\n  \"" + name + "\":"), json);
    }
    assertEquals("a1\n", Script.run(new Status(), "-q").out());
  }

  @Test
  void no_such_app_is_told() {
    fly.stubFor(
        get("/v1/apps/mcp-demo")
            .willReturn(status(404).withBody("{\"error\": \"app not found\"}")));

    var result = Script.run(new Status());

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("try: jbang fly-create-app@catalog"), result.err());
  }

  @Test
  void a_dry_run_prints_a_curl_for_each_question() {
    var result = Script.run(new Status(), "-n");

    assertEquals(0, result.exit(), result.err());
    assertEquals(4, result.out().split("curl -i -X GET", -1).length - 1, result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
  }
}
