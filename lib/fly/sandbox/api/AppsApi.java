//SOURCES ../http/Json.java ../model/AccessToken.java ../model/ApiError.java ../model/App.java ../model/Guesses.java
//SOURCES ../model/JsonNodes.java ../service/Organization.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.body;
import static fly.sandbox.http.Json.json;
import static fly.sandbox.http.Json.optionalBody;
import static fly.sandbox.http.Json.send;
import static fly.sandbox.model.JsonNodes.list;
import static fly.sandbox.model.JsonNodes.object;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.model.AccessToken;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Guesses;
import fly.sandbox.service.Organization;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;

/** Apps. */
public final class AppsApi {
  private static final String APP = "/v1/apps/{app}";

  private final Organization organization;
  private final Guesses guesses;
  private final AccessToken token;

  public AppsApi(Organization organization, Guesses guesses, AccessToken token) {
    this.organization = organization;
    this.guesses = guesses;
    this.token = token;
  }

  public void routes(RoutesConfig routes) {
    routes.get("/v1/apps", json(this::listApps));
    routes.post("/v1/apps", this::createApp);
    routes.get(APP, json(x -> app(x).json()));
    routes.delete(APP, this::deleteApp);
    routes.post(APP + "/deploy_token", json(this::deployToken));
  }

  private App app(Context x) {
    return organization.app(x.pathParam("app"));
  }

  private JsonNode listApps(Context x) {
    var org = x.queryParam("org_slug");
    if (org == null || org.isEmpty()) throw ApiError.required("org_slug");
    organization.requireOrg(org);
    var apps = object().put("total_apps", organization.apps().size());
    apps.set("apps", list(organization.apps(), App::json));
    return apps;
  }

  private void createApp(Context x) {
    var app = organization.createApp(body(x, "CreateApp"));
    x.status(201);
    if (guesses.is(Guesses.Guess.CREATE_APP, "nothing")) return;
    var whole = guesses.is(Guesses.Guess.CREATE_APP, "app");
    var answer = whole ? app.json() : object().put("id", app.id);
    send(x, answer.put("created_at", app.createdAt.toEpochMilli()));
  }

  private void deleteApp(Context x) {
    organization.deleteApp(app(x));
    x.status(202);
  }

  /** The sandbox has one token, and it may do everything. */
  private JsonNode deployToken(Context x) {
    app(x);
    optionalBody(x, "DeployToken");
    return object().put("token", token.value());
  }
}
