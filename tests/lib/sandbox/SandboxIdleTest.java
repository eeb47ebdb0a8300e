import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What happens to a Machine that no request reaches for a while. */
class SandboxIdleTest {
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    sandbox.idle("200ms");
    api("POST", "/apps", "{\"app_name\":\"shop\",\"org_slug\":\"personal\"}");
    api("POST", "/apps", "{\"app_name\":\"witness\",\"org_slug\":\"personal\"}");
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private JsonNode api(String method, String path, String body) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1" + path))
            .header("Authorization", "Bearer " + sandbox.token())
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .timeout(Await.LIMIT)
            .build();
    var answer = Http.CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
    assertEquals(2, answer.statusCode() / 100, answer.body());
    return Fly.JSON.readTree(answer.body());
  }

  /** Its path. */
  private String machine(String app, String autostop, int least) throws Exception {
    return machine(app, "fra", autostop, least);
  }

  private String machine(String app, String region, String autostop, int least) throws Exception {
    var body =
        """
        {"region":"%s","config":{"image":"nginx","env":{"PRIMARY_REGION":"fra"},"services":[{"protocol":"tcp","internal_port":80,
        "autostart":true,"autostop":%s,"min_machines_running":%d,"ports":[{"port":80}]}]}}\
        """
            .formatted(region, autostop, least);
    var id = api("POST", "/apps/" + app + "/machines", body).path("id").asText();
    return "/apps/" + app + "/machines/" + id;
  }

  private String become(String machine, String state) throws Exception {
    api("GET", machine + "/wait?timeout=60&state=" + state, "");
    return machine;
  }

  /** An idle Machine of another app came and went: so the proxy has looked at this one too. */
  private void letTheProxyLook() throws Exception {
    for (int round = 0; round < 2; round++) become(machine("witness", "\"stop\"", 0), "stopped");
  }

  private String state(String machine) throws Exception {
    return api("GET", machine, "").path("state").asText();
  }

  @Test
  void an_idle_Machine_stops_where_its_service_says_so() throws Exception {
    become(machine("shop", "\"stop\"", 0), "stopped");
    become(machine("shop", "true", 0), "stopped");
  }

  @Test
  void an_idle_Machine_is_suspended_where_its_service_says_so() throws Exception {
    become(machine("shop", "\"suspend\"", 0), "suspended");
  }

  @Test
  void an_idle_Machine_goes_on_where_nothing_says_otherwise() throws Exception {
    var off = become(machine("shop", "\"off\"", 0), "started");
    var no = become(machine("shop", "false", 0), "started");

    letTheProxyLook();

    assertEquals("started", state(off));
    assertEquals("started", state(no));
  }

  @Test
  void as_many_go_on_as_the_service_wants() throws Exception {
    var first = become(machine("shop", "\"stop\"", 1), "started");
    var second = machine("shop", "\"stop\"", 1);

    letTheProxyLook();

    var running = 0;
    for (var machine : new String[] {first, second}) {
      if (state(machine).equals("started")) running++;
    }
    assertEquals(1, running);
  }

  @Test
  void only_in_the_primary_region_some_go_on() throws Exception {
    var primary = become(machine("shop", "fra", "\"stop\"", 1), "started");
    var other = machine("shop", "ams", "\"stop\"", 1);

    become(other, "stopped");
    letTheProxyLook();

    assertEquals("started", state(primary));
  }

  @Test
  void no_time_at_all_is_refused() {
    for (var time : new String[] {"0s", "soon", "-1m", ""}) {
      assertThrows(FlyException.class, () -> sandbox.idle(time), time);
    }
  }
}
