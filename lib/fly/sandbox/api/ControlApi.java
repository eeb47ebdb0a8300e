//SOURCES ../../FlyException.java Gatekeeper.java ../faults/Faults.java ../http/Json.java ../model/ApiError.java
//SOURCES ../model/JsonNodes.java ../service/Organization.java
package fly.sandbox.api;

import fly.FlyException;
import fly.sandbox.faults.Faults;
import fly.sandbox.http.Json;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.JsonNodes;
import fly.sandbox.service.Organization;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.time.Instant;
import java.util.concurrent.CountDownLatch;

/** Status, end and faults of the sandbox itself. */
public final class ControlApi {
  private final Organization organization;
  private final Faults faults;
  private final Instant started = Instant.now();
  private final CountDownLatch stopRequested = new CountDownLatch(1);

  public ControlApi(Organization organization, Faults faults) {
    this.organization = organization;
    this.faults = faults;
  }

  public void routes(RoutesConfig routes) {
    routes.get("/sandbox", this::status);
    routes.post("/sandbox/stop", this::stop);
    routes.get("/sandbox/trouble", this::faults);
    routes.post("/sandbox/trouble", this::changeFaults);
  }

  /** Returns when a client has asked the sandbox to stop. */
  public void awaitStop() throws InterruptedException {
    stopRequested.await();
  }

  private void status(Context x) {
    Gatekeeper.requireControl(x);
    var apps = organization.apps();
    var status =
        JsonNodes.object()
            .put("sandbox", true)
            .put("url", "http://127.0.0.1:" + x.req().getLocalPort())
            .put("pid", ProcessHandle.current().pid())
            .put("started_at", started.toString())
            .put("apps", apps.size())
            .put("machines", apps.stream().mapToInt(app -> app.living().size()).sum());
    Json.send(x, status);
  }

  /** Sends the whole answer before anything stops. */
  private void stop(Context x) throws IOException {
    Gatekeeper.requireControl(x);
    var answer = JsonNodes.bytes(JsonNodes.ok());
    x.res().setContentType("application/json");
    x.res().setContentLength(answer.length);
    x.res().getOutputStream().write(answer);
    x.res().getOutputStream().close();
    stopRequested.countDown();
  }

  private void faults(Context x) {
    Gatekeeper.requireControl(x);
    Json.send(x, faults.json());
  }

  private void changeFaults(Context x) {
    Gatekeeper.requireControl(x);
    try {
      faults.change(Json.parse(x));
    } catch (FlyException e) {
      throw ApiError.invalid(e.getMessage() + ": " + e.tryNext);
    }
    faults(x);
  }
}
