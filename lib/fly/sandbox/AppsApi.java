//SOURCES ApiError.java App.java Certificate.java Guesses.java Rest.java SandboxServer.java Secret.java World.java
package fly.sandbox;

import static fly.sandbox.Rest.body;
import static fly.sandbox.Rest.flag;
import static fly.sandbox.Rest.json;
import static fly.sandbox.Rest.limit;
import static fly.sandbox.Rest.list;
import static fly.sandbox.Rest.object;
import static fly.sandbox.Rest.optionalBody;
import static fly.sandbox.Rest.send;
import static fly.sandbox.Rest.string;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Map;
import java.util.TreeMap;

/** Apps, and what belongs to an app as a whole: addresses, certificates, secrets. */
final class AppsApi {
  private static final String APP = "/v1/apps/{app}";

  private final World world;

  AppsApi(World world) {
    this.world = world;
  }

  void routes(RoutesConfig routes) {
    routes.get("/v1/apps", json(this::listApps));
    routes.post("/v1/apps", this::createApp);
    routes.get(APP, json(x -> app(x).json()));
    routes.delete(APP, this::deleteApp);
    routes.post(APP + "/deploy_token", json(this::deployToken));

    routes.get(APP + "/ip_assignments", json(this::listIps));
    routes.post(APP + "/ip_assignments", json(this::assignIp));
    routes.delete(APP + "/ip_assignments/{ip}", this::releaseIp);

    routes.get(APP + "/certificates", json(this::listCertificates));
    routes.post(APP + "/certificates/acme", x -> createCertificate(x, false));
    routes.post(APP + "/certificates/custom", x -> createCertificate(x, true));
    routes.get(APP + "/certificates/{hostname}", json(x -> certificate(x).json()));
    routes.delete(APP + "/certificates/{hostname}", this::deleteCertificate);
    routes.delete(APP + "/certificates/{hostname}/acme", json(this::deleteAcme));
    routes.delete(APP + "/certificates/{hostname}/custom", json(this::deleteCustom));
    routes.post(APP + "/certificates/{hostname}/check", json(this::checkCertificate));

    routes.get(APP + "/secrets", json(this::listSecrets));
    routes.post(APP + "/secrets", json(this::updateSecrets));
    routes.get(APP + "/secrets/{secret}", json(x -> secret(x).json(flag(x, "show_secrets"))));
    routes.post(APP + "/secrets/{secret}", this::createSecret);
    routes.delete(APP + "/secrets/{secret}", json(this::deleteSecret));
    for (var keys : new String[] {"/secretkeys", "/secretkeys/{key}"}) {
      routes.get(APP + keys, SandboxServer::notHere);
    }
    routes.post(APP + "/secretkeys/{key}", SandboxServer::notHere);
    routes.delete(APP + "/secretkeys/{key}", SandboxServer::notHere);
    for (var use : new String[] {"generate", "encrypt", "decrypt", "sign", "verify"}) {
      routes.post(APP + "/secretkeys/{key}/" + use, SandboxServer::notHere);
    }
  }

  private App app(Context x) {
    return world.app(x.pathParam("app"));
  }

  // Apps

  private JsonNode listApps(Context x) {
    var org = x.queryParam("org_slug");
    if (org == null || org.isEmpty()) throw ApiError.invalid("org_slug is required");
    world.requireOrg(org);
    var apps = object().put("total_apps", world.apps().size());
    apps.set("apps", list(world.apps(), App::json));
    return apps;
  }

  private void createApp(Context x) {
    var app = world.createApp(body(x, "CreateApp"));
    x.status(201);
    if (world.guess(Guesses.Guess.CREATE_APP, "nothing")) return;
    var whole = world.guess(Guesses.Guess.CREATE_APP, "app");
    var answer = whole ? app.json() : object().put("id", app.id);
    send(x, answer.put("created_at", app.createdAt.toEpochMilli()));
  }

  private void deleteApp(Context x) {
    world.deleteApp(app(x));
    x.status(202);
  }

  /** The sandbox has one token, and it may do everything. */
  private JsonNode deployToken(Context x) {
    app(x);
    optionalBody(x, "DeployToken");
    return object().put("token", world.token());
  }

  // IP addresses

  private JsonNode listIps(Context x) {
    var app = app(x);
    synchronized (app) {
      return object().set("ips", list(app.ips, App.Ip::json));
    }
  }

  private JsonNode assignIp(Context x) {
    var request = body(x, "AssignIp");
    var org = request.path("org_slug").asText("");
    if (!org.isEmpty()) world.requireOrg(org);
    return world
        .allocate(
            app(x),
            request.path("type").asText(""),
            request.path("region").asText(""),
            request.path("service_name").asText(""),
            request.path("network").asText(""))
        .json();
  }

  private void releaseIp(Context x) {
    if (!world.release(app(x), x.pathParam("ip"))) {
      throw new ApiError(404, "not_found: ip address not found");
    }
    x.status(204);
  }

  // Certificates

  /** The cursor is the last hostname that was handed out. */
  private JsonNode listCertificates(Context x) {
    var app = app(x);
    var filter = x.queryParam("filter") == null ? "" : x.queryParam("filter");
    var after = x.queryParam("cursor") == null ? "" : x.queryParam("cursor");
    var limit = limit(x, 25, 500);
    synchronized (app) {
      var found =
          app.certificates.values().stream()
              .filter(certificate -> certificate.hostname.contains(filter))
              .toList();
      var left = found.stream().filter(one -> one.hostname.compareTo(after) > 0).toList();
      var shown = left.subList(0, Math.min(limit, left.size()));
      var answer = object().put("total_count", found.size());
      if (shown.size() < left.size()) {
        answer.put("next_cursor", shown.get(shown.size() - 1).hostname);
      }
      answer.set("certificates", list(shown, Certificate::summary));
      return answer;
    }
  }

  private void createCertificate(Context x, boolean custom) {
    var app = app(x);
    var request = body(x, "Certificate");
    var hostname = string(request, "hostname");
    if (hostname == null
        || !hostname.matches("(?i)(\\*\\.)?([a-z0-9-]{1,63}\\.)+[a-z0-9-]{2,63}")) {
      throw new ApiError(422, "Validation failed: Hostname is invalid");
    }
    if (custom
        && (string(request, "fullchain") == null || string(request, "private_key") == null)) {
      throw new ApiError(422, "Validation failed: fullchain and private_key are required");
    }
    synchronized (app) {
      var certificate =
          app.certificates.computeIfAbsent(
              hostname, name -> new Certificate(app, name, world.now()));
      if (custom) certificate.custom = true;
      else certificate.acme = true;
      certificate.updatedAt = world.now();
      x.status(201);
      send(x, certificate.json());
    }
  }

  private Certificate certificate(Context x) {
    var app = app(x);
    synchronized (app) {
      var certificate = app.certificates.get(x.pathParam("hostname"));
      if (certificate == null) throw new ApiError(404, "not_found: certificate not found");
      return certificate;
    }
  }

  private void deleteCertificate(Context x) {
    var certificate = certificate(x);
    synchronized (certificate.app) {
      certificate.app.certificates.remove(certificate.hostname);
    }
    x.status(204);
  }

  private JsonNode deleteAcme(Context x) {
    var certificate = certificate(x);
    certificate.acme = false;
    certificate.updatedAt = world.now();
    return certificate.json();
  }

  private JsonNode deleteCustom(Context x) {
    var certificate = certificate(x);
    certificate.custom = false;
    certificate.updatedAt = world.now();
    return certificate.json();
  }

  private JsonNode checkCertificate(Context x) {
    var json = certificate(x).json();
    var records = json.putObject("dns_records");
    for (var list : new String[] {"a", "aaaa", "cname", "resolved_addresses"}) {
      records.putArray(list);
    }
    return json;
  }

  // Secrets

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
      if (secret == null) throw new ApiError(404, "not_found: secret not found");
      return secret;
    }
  }

  private JsonNode updateSecrets(Context x) {
    var app = app(x);
    var values = body(x, "Secrets").path("values");
    if (!values.isObject()) throw ApiError.invalid("values is required");
    var changes = new TreeMap<String, String>();
    for (var value : values.properties()) {
      changes.put(value.getKey(), string(values, value.getKey()));
    }
    var version = world.setSecrets(app, changes);
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
    if (value == null) throw ApiError.invalid("value is required");
    var version = version(world.setSecrets(app, Map.of(name, value)));
    x.status(201);
    send(x, secret(x).json(false).setAll(version));
  }

  private JsonNode deleteSecret(Context x) {
    secret(x);
    var change = new TreeMap<String, String>();
    change.put(x.pathParam("secret"), null);
    return version(world.setSecrets(app(x), change));
  }

  private static ObjectNode version(long version) {
    return object().put("version", version).put("Version", version);
  }
}
