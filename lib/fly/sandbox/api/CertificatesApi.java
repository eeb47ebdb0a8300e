//SOURCES ../http/Json.java ../model/ApiError.java ../model/App.java ../model/Certificate.java ../model/Clock.java
//SOURCES ../model/JsonNodes.java ../service/Organization.java ../store/Journal.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.body;
import static fly.sandbox.http.Json.json;
import static fly.sandbox.http.Json.limit;
import static fly.sandbox.http.Json.send;
import static fly.sandbox.model.JsonNodes.list;
import static fly.sandbox.model.JsonNodes.object;
import static fly.sandbox.model.JsonNodes.string;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Certificate;
import fly.sandbox.model.Clock;
import fly.sandbox.service.Organization;
import fly.sandbox.store.Journal;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;

/** The certificates of apps: state only, because the sandbox signs nothing. */
public final class CertificatesApi {
  private static final String CERTIFICATES = "/v1/apps/{app}/certificates";
  private static final String CERTIFICATE = CERTIFICATES + "/{hostname}";

  private final Organization organization;
  private final Journal journal;
  private final Clock clock;

  public CertificatesApi(Organization organization, Journal journal, Clock clock) {
    this.organization = organization;
    this.journal = journal;
    this.clock = clock;
  }

  public void routes(RoutesConfig routes) {
    routes.get(CERTIFICATES, json(this::listCertificates));
    routes.post(CERTIFICATES + "/acme", x -> createCertificate(x, false));
    routes.post(CERTIFICATES + "/custom", x -> createCertificate(x, true));
    routes.get(CERTIFICATE, json(x -> certificate(x).json(app(x))));
    routes.delete(CERTIFICATE, this::deleteCertificate);
    routes.delete(CERTIFICATE + "/acme", json(this::deleteAcme));
    routes.delete(CERTIFICATE + "/custom", json(this::deleteCustom));
    routes.post(CERTIFICATE + "/check", json(this::checkCertificate));
  }

  private App app(Context x) {
    return organization.app(x.pathParam("app"));
  }

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
      throw ApiError.validationFailed("Hostname is invalid");
    }
    if (custom
        && (string(request, "fullchain") == null || string(request, "private_key") == null)) {
      throw ApiError.validationFailed("fullchain and private_key are required");
    }
    synchronized (app) {
      var certificate =
          app.certificates.computeIfAbsent(hostname, name -> new Certificate(name, clock.now()));
      if (custom) certificate.custom = true;
      else certificate.acme = true;
      certificate.updatedAt = clock.now();
      journal.changed(app);
      x.status(201);
      send(x, certificate.json(app));
    }
  }

  private Certificate certificate(Context x) {
    var app = app(x);
    synchronized (app) {
      var certificate = app.certificates.get(x.pathParam("hostname"));
      if (certificate == null) throw ApiError.notFound("certificate");
      return certificate;
    }
  }

  private void deleteCertificate(Context x) {
    var app = app(x);
    var certificate = certificate(x);
    synchronized (app) {
      app.certificates.remove(certificate.hostname);
      journal.changed(app);
    }
    x.status(204);
  }

  private JsonNode deleteAcme(Context x) {
    var app = app(x);
    var certificate = certificate(x);
    synchronized (app) {
      certificate.acme = false;
      certificate.updatedAt = clock.now();
      journal.changed(app);
      return certificate.json(app);
    }
  }

  private JsonNode deleteCustom(Context x) {
    var app = app(x);
    var certificate = certificate(x);
    synchronized (app) {
      certificate.custom = false;
      certificate.updatedAt = clock.now();
      journal.changed(app);
      return certificate.json(app);
    }
  }

  private JsonNode checkCertificate(Context x) {
    var json = certificate(x).json(app(x));
    var records = json.putObject("dns_records");
    for (var list : new String[] {"a", "aaaa", "cname", "resolved_addresses"}) {
      records.putArray(list);
    }
    return json;
  }
}
