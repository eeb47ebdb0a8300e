//SOURCES App.java JsonNodes.java Org.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;

/** A hostname's certificate: state only, because the sandbox signs nothing. */
public final class Certificate {
  public final String hostname;
  final Instant createdAt;
  public Instant updatedAt;
  public boolean acme;
  public boolean custom;

  public Certificate(String hostname, Instant now) {
    this.hostname = hostname;
    this.createdAt = now;
    this.updatedAt = now;
  }

  public Certificate(JsonNode record) {
    this.hostname = record.path("hostname").asText();
    this.createdAt = Instant.parse(record.path("created_at").asText());
    this.updatedAt = Instant.parse(record.path("updated_at").asText());
    this.acme = record.path("acme").asBoolean();
    this.custom = record.path("custom").asBoolean();
  }

  ObjectNode record() {
    return JsonNodes.object()
        .put("hostname", hostname)
        .put("created_at", createdAt.toString())
        .put("updated_at", updatedAt.toString())
        .put("acme", acme)
        .put("custom", custom);
  }

  private ObjectNode common() {
    return JsonNodes.object()
        .put("hostname", hostname)
        .put("configured", false)
        .put("status", "pending_validation")
        .put("dns_provider", "")
        .put("acme_requested", acme);
  }

  public ObjectNode summary() {
    return common()
        .put("acme_alpn_configured", false)
        .put("acme_dns_configured", false)
        .put("acme_http_configured", false)
        .put("ownership_txt_configured", false)
        .put("has_custom_certificate", custom)
        .put("has_fly_certificate", false)
        .put("created_at", createdAt.toString())
        .put("updated_at", updatedAt.toString());
  }

  public ObjectNode json(App app) {
    var json = common();
    var certificates = json.putArray("certificates");
    if (custom) {
      certificates
          .addObject()
          .put("source", "custom")
          .put("status", "pending_ownership")
          .put("created_at", createdAt.toString());
    }
    var dns = json.putObject("dns_requirements");
    dns.putArray("a");
    dns.putArray("aaaa");
    dns.put("cname", app.name + ".fly.dev");
    dns.putObject("acme_challenge")
        .put("name", "_acme-challenge." + hostname)
        .put("target", hostname + ".flydns.net");
    dns.putObject("ownership")
        .put("name", "_fly-ownership." + hostname)
        .put("app_value", "app-" + app.id)
        .put("org_value", "org-" + Org.ID);
    json.putObject("validation")
        .put("alpn_configured", false)
        .put("dns_configured", false)
        .put("http_configured", false)
        .put("ownership_txt_configured", false);
    json.putArray("validation_errors");
    return json;
  }
}
