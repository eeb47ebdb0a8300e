//SOURCES ../http/Json.java ../model/ApiError.java ../model/Guesses.java ../model/JsonNodes.java ../model/Machine.java
//SOURCES ../service/Organization.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.json;
import static fly.sandbox.http.Json.number;
import static fly.sandbox.http.Json.optionalBody;
import static fly.sandbox.http.Json.send;
import static fly.sandbox.model.JsonNodes.object;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Guesses;
import fly.sandbox.model.Machine;
import fly.sandbox.service.Organization;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Duration;

/** Leases: the exclusive right to change a Machine. */
public final class LeasesApi {
  private static final String MACHINE = "/v1/apps/{app}/machines/{machine}";
  private static final String NONCE = "fly-machine-lease-nonce";

  private final Organization organization;
  private final Guesses guesses;

  public LeasesApi(Organization organization, Guesses guesses) {
    this.organization = organization;
    this.guesses = guesses;
  }

  public void routes(RoutesConfig routes) {
    routes.get(MACHINE + "/lease", json(this::showLease));
    routes.post(MACHINE + "/lease", this::createLease);
    routes.delete(MACHINE + "/lease", json(this::releaseLease));
  }

  private Machine machine(Context x) {
    return organization.machine(organization.app(x.pathParam("app")), x.pathParam("machine"));
  }

  private Machine living(Context x) {
    var machine = machine(x);
    machine.requireThere();
    return machine;
  }

  private JsonNode showLease(Context x) {
    return machine(x).leaseEnvelope();
  }

  private void createLease(Context x) {
    var request = optionalBody(x, "Lease");
    var given = number(x, "ttl", request.path("ttl").asInt(0));
    var lasts = given > 0 ? Duration.ofSeconds(given) : guesses.leaseTtl();
    var machine = living(x);
    try {
      machine.lease(x.header(NONCE), lasts, request.path("description").asText(""));
      x.status(201);
      send(x, machine.leaseEnvelope());
    } catch (ApiError e) {
      if (e.status != 409) throw e;
      x.status(409);
      var why = e.getMessage().replaceFirst("^aborted: ", "");
      send(x, object().put("status", "error").put("message", why).put("code", "invalid"));
    }
  }

  private JsonNode releaseLease(Context x) {
    machine(x).release(x.header(NONCE));
    var answer = object().put("status", "success");
    answer.putObject("data").put("ok", true);
    return answer;
  }
}
