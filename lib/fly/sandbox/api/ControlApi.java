//SOURCES ../../FlyException.java ../faults/Faults.java ../http/Json.java ../model/ApiError.java
//SOURCES ../model/JsonNodes.java ../service/Organization.java
package fly.sandbox.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
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
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;

/** Status, end and faults of the sandbox itself. */
public final class ControlApi {
  private final Organization organization;
  private final Faults faults;
  private final Supplier<String> pageLink;
  private final Instant started = Instant.now();
  private final CountDownLatch stopRequested = new CountDownLatch(1);

  private volatile ObjectNode options = JsonNodes.object();

  /**
   * @param pageLink makes links that open the page once
   */
  public ControlApi(Organization organization, Faults faults, Supplier<String> pageLink) {
    this.organization = organization;
    this.faults = faults;
    this.pageLink = pageLink;
  }

  /** Sets the options of this sandbox, for its report. */
  public void options(ObjectNode options) {
    this.options = options;
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
    var apps = organization.apps();
    var status =
        JsonNodes.object()
            .put("sandbox", true)
            .put("url", "http://127.0.0.1:" + x.req().getLocalPort())
            .put("pid", ProcessHandle.current().pid())
            .put("page", pageLink.get())
            .put("started_at", started.toString())
            .put("apps", apps.size())
            .put("machines", apps.stream().mapToInt(app -> app.living().size()).sum());
    status.set("options", options);
    Json.send(x, status);
  }

  /** Sends the whole answer before anything stops. */
  private void stop(Context x) throws IOException {
    var answer = JsonNodes.bytes(JsonNodes.ok());
    x.res().setContentType("application/json");
    x.res().setContentLength(answer.length);
    x.res().getOutputStream().write(answer);
    x.res().getOutputStream().close();
    stopRequested.countDown();
  }

  private void faults(Context x) {
    Json.send(x, faults.json());
  }

  private void changeFaults(Context x) {
    try {
      var change = Json.parse(x);
      faults.change(change);
      var changed = options.deepCopy();
      for (var field : List.of("rate_limits", "latency", "faults")) {
        if (change.has(field)) changed.set(field, change.path(field));
      }
      options = changed;
    } catch (FlyException e) {
      throw ApiError.invalidOptions(e.what, e.tryNext);
    }
    faults(x);
  }
}
