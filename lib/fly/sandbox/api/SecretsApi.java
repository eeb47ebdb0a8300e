//SOURCES ../http/ErrorBodies.java ../http/Json.java ../model/ApiError.java ../model/App.java ../model/JsonNodes.java
//SOURCES ../model/Secret.java ../service/AppSecrets.java ../service/Organization.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.body;
import static fly.sandbox.http.Json.flag;
import static fly.sandbox.http.Json.json;
import static fly.sandbox.http.Json.send;
import static fly.sandbox.model.JsonNodes.list;
import static fly.sandbox.model.JsonNodes.object;
import static fly.sandbox.model.JsonNodes.string;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.sandbox.http.ErrorBodies;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Secret;
import fly.sandbox.service.AppSecrets;
import fly.sandbox.service.Organization;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Map;
import java.util.TreeMap;

/** The secrets of apps. Keys for encryption are no part of the sandbox. */
public final class SecretsApi {
  private static final String APP = "/v1/apps/{app}";

  private final Organization organization;
  private final AppSecrets secrets;

  public SecretsApi(Organization organization, AppSecrets secrets) {
    this.organization = organization;
    this.secrets = secrets;
  }

  public void routes(RoutesConfig routes) {
    routes.get(APP + "/secrets", json(this::listSecrets));
    routes.post(APP + "/secrets", json(this::updateSecrets));
    routes.get(APP + "/secrets/{secret}", json(x -> secret(x).json(flag(x, "show_secrets"))));
    routes.post(APP + "/secrets/{secret}", this::createSecret);
    routes.delete(APP + "/secrets/{secret}", json(this::deleteSecret));
    for (var keys : new String[] {"/secretkeys", "/secretkeys/{key}"}) {
      routes.get(APP + keys, ErrorBodies::notHere);
    }
    routes.post(APP + "/secretkeys/{key}", ErrorBodies::notHere);
    routes.delete(APP + "/secretkeys/{key}", ErrorBodies::notHere);
    for (var use : new String[] {"generate", "encrypt", "decrypt", "sign", "verify"}) {
      routes.post(APP + "/secretkeys/{key}/" + use, ErrorBodies::notHere);
    }
  }

  private App app(Context x) {
    return organization.app(x.pathParam("app"));
  }

  private JsonNode listSecrets(Context x) {
    var app = app(x);
    synchronized (app) {
      var answer = object();
      answer.set(
          "secrets", list(app.secrets.values(), secret -> secret.json(flag(x, "show_secrets"))));
      return answer;
    }
  }

  private Secret secret(Context x) {
    var app = app(x);
    synchronized (app) {
      var secret = app.secrets.get(x.pathParam("secret"));
      if (secret == null) throw ApiError.notFound("secret");
      return secret;
    }
  }

  private JsonNode updateSecrets(Context x) {
    var app = app(x);
    var values = body(x, "Secrets").path("values");
    if (!values.isObject()) throw ApiError.required("values");
    var changes = new TreeMap<String, String>();
    for (var value : values.properties()) {
      changes.put(value.getKey(), string(values, value.getKey()));
    }
    var version = secrets.set(app, changes);
    var answer = version(version);
    synchronized (app) {
      answer.set("secrets", list(app.secrets.values(), secret -> secret.json(false)));
    }
    return answer;
  }

  private void createSecret(Context x) {
    var app = app(x);
    var name = x.pathParam("secret");
    var value = string(body(x, "Value"), "value");
    if (value == null) throw ApiError.required("value");
    var version = version(secrets.set(app, Map.of(name, value)));
    x.status(201);
    send(x, secret(x).json(false).setAll(version));
  }

  private JsonNode deleteSecret(Context x) {
    secret(x);
    var change = new TreeMap<String, String>();
    change.put(x.pathParam("secret"), null);
    return version(secrets.set(app(x), change));
  }

  private static ObjectNode version(long version) {
    return object().put("version", version).put("Version", version);
  }
}
