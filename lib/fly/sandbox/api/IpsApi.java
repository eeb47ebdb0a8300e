//SOURCES ../http/Json.java ../model/ApiError.java ../model/App.java ../model/JsonNodes.java
//SOURCES ../service/IpAddresses.java ../service/Organization.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.body;
import static fly.sandbox.http.Json.json;
import static fly.sandbox.model.JsonNodes.list;
import static fly.sandbox.model.JsonNodes.object;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.service.IpAddresses;
import fly.sandbox.service.Organization;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;

/** The IP addresses of apps. */
public final class IpsApi {
  private static final String IPS = "/v1/apps/{app}/ip_assignments";

  private final Organization organization;
  private final IpAddresses addresses;

  public IpsApi(Organization organization, IpAddresses addresses) {
    this.organization = organization;
    this.addresses = addresses;
  }

  public void routes(RoutesConfig routes) {
    routes.get(IPS, json(this::listIps));
    routes.post(IPS, json(this::assignIp));
    routes.delete(IPS + "/{ip}", this::releaseIp);
  }

  private App app(Context x) {
    return organization.app(x.pathParam("app"));
  }

  private JsonNode listIps(Context x) {
    var app = app(x);
    synchronized (app) {
      return object().set("ips", list(app.ips, App.Ip::json));
    }
  }

  private JsonNode assignIp(Context x) {
    var request = body(x, "AssignIp");
    var org = request.path("org_slug").asText("");
    if (!org.isEmpty()) organization.requireOrg(org);
    return addresses
        .allocate(
            app(x),
            request.path("type").asText(""),
            request.path("region").asText(""),
            request.path("service_name").asText(""),
            request.path("network").asText(""))
        .json();
  }

  private void releaseIp(Context x) {
    if (!addresses.release(app(x), x.pathParam("ip"))) {
      throw ApiError.notFound("ip address");
    }
    x.status(204);
  }
}
