import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static com.github.tomakehurst.wiremock.stubbing.Scenario.STARTED;
import static org.junit.jupiter.api.Assertions.assertEquals;

import fly.Fly;
import fly.MachineUpdate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class MachineUpdateTest {
  private static final String MACHINE = "/v1/apps/demo/machines/148ed127f22387";

  @RegisterExtension static FakeFly fake = new FakeFly();

  @Test
  void a_Machine_that_is_restarting_is_planned_for_once_more_and_updated() {
    fake.stubFor(post(MACHINE + "/lease").willReturn(okJson("{\"data\": {\"nonce\": \"n\"}}")));
    fake.stubFor(delete(MACHINE + "/lease").willReturn(okJson("{}")));
    fake.stubFor(get(urlPathEqualTo(MACHINE + "/wait")).willReturn(okJson("{\"ok\": true}")));
    fake.stubFor(get(MACHINE).willReturn(okJson(machine("restarting", "01"))));
    fake.stubFor(
        post(MACHINE)
            .withRequestBody(matchingJsonPath("$.current_version", equalTo("01")))
            .inScenario("update")
            .whenScenarioStateIs(STARTED)
            .willReturn(
                jsonResponse(
                    "{\"error\": \"aborted: machine update failed due to concurrent update\"}",
                    409))
            .willSetStateTo("restarted"));
    fake.stubFor(
        get(MACHINE)
            .inScenario("update")
            .whenScenarioStateIs("restarted")
            .willReturn(okJson(machine("started", "02"))));
    fake.stubFor(
        post(MACHINE)
            .withRequestBody(matchingJsonPath("$.current_version", equalTo("02")))
            .inScenario("update")
            .whenScenarioStateIs("restarted")
            .willReturn(okJson(machine("started", "03"))));
    var shown = new ArrayList<List<String>>();

    new MachineUpdate(Fly.connect(), (format, args) -> {})
        .update(
            "demo",
            "148ed127f22387",
            request -> request.withObject("/config/env").put("A", "1"),
            shown::add,
            Duration.ZERO,
            Duration.ofSeconds(5));

    assertEquals(List.of(List.of("config.env.A: (none) -> \"1\"")), shown);
    fake.verify(2, postRequestedFor(urlEqualTo(MACHINE)));
    fake.verify(deleteRequestedFor(urlEqualTo(MACHINE + "/lease")));
  }

  private static String machine(String state, String version) {
    return """
    {"id": "148ed127f22387", "state": "%s", "instance_id": "%s", "config": {"image": "nginx"}}
    """
        .formatted(state, version);
  }
}
