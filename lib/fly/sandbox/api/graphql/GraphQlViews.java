//SOURCES ../../model/App.java ../../model/Ids.java ../../model/Machine.java ../../model/Org.java
//SOURCES ../../model/Regions.java
package fly.sandbox.api.graphql;

import fly.sandbox.model.App;
import fly.sandbox.model.Ids;
import fly.sandbox.model.Machine;
import fly.sandbox.model.Org;
import fly.sandbox.model.Regions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The values of GraphQL's fields. */
final class GraphQlViews {
  static final Map<String, Object> NOTHING = Map.of("nodes", List.of());

  static final Map<String, Object> ORGANIZATION =
      Map.of(
          "id",
          Org.ID,
          "slug",
          Org.SLUG,
          "rawSlug",
          "sandbox",
          "name",
          "Sandbox",
          "type",
          "PERSONAL",
          "paidPlan",
          false,
          "billable",
          true,
          "viewerRole",
          "admin",
          "internalNumericId",
          String.valueOf(Org.NUMBER),
          "addOns",
          NOTHING);

  private GraphQlViews() {}

  static Object egress(List<App.Ip> ips, Map<String, Object> input) {
    var payload = new TreeMap<String, Object>();
    for (var ip : ips) payload.put(ip.type(), ip.address());
    payload.put("clientMutationId", input.get("clientMutationId"));
    return payload;
  }

  static Map<String, Object> json(Machine machine) {
    var json = new TreeMap<String, Object>();
    json.put("id", machine.id);
    json.put("name", machine.name);
    json.put("state", machine.state());
    json.put("region", machine.region);
    json.put("config", machine.config());
    json.put("createdAt", machine.createdAt.toString());
    var ip = Map.of("family", "v6", "kind", "privatenet", "ip", machine.privateIp, "maskSize", 112);
    json.put("ips", Map.of("nodes", List.of(ip)));
    json.put("host", Map.of("id", "sandbox"));
    json.put("appName", machine.app.name);
    return json;
  }

  /** The digest is derived from the name, because no image is pulled. */
  static Object image(String ref) {
    var digest = Ids.digest(ref);
    return Map.of(
        "id",
        digest,
        "ref",
        ref,
        "digest",
        digest,
        "compressedSizeFull",
        "0",
        "manifest",
        Map.of());
  }

  static Map<String, Object> json(App app) {
    var json = new TreeMap<String, Object>();
    json.put("id", app.name);
    json.put("internalNumericId", app.number);
    json.put("name", app.name);
    json.put("hostname", app.name + ".fly.dev");
    json.put("appUrl", "https://" + app.name + ".fly.dev");
    json.put("deployed", !app.living().isEmpty());
    json.put("network", app.network);
    json.put("status", app.status());
    json.put("version", 0);
    json.put("platformVersion", "machines");
    json.put("organization", ORGANIZATION);
    json.put("config", Map.of("definition", Map.of()));
    json.put("services", List.of());
    synchronized (app) {
      var own = app.ips.stream().filter(ip -> !ip.type().equals("shared_v4")).toList();
      json.put("ipAddresses", Map.of("nodes", own.stream().map(GraphQlViews::json).toList()));
      json.put("egressIpAddresses", egress(app, null));
      for (var ip : app.ips) if (!own.contains(ip)) json.put("sharedIpAddress", ip.address());
    }
    return json;
  }

  static Map<String, Object> json(App.Ip ip) {
    var json = new TreeMap<String, Object>();
    json.put("id", ip.id());
    json.put("address", ip.address());
    json.put("type", ip.type());
    json.put("region", ip.region());
    json.put("createdAt", ip.createdAt().toString());
    json.put("serviceName", ip.service());
    if (!ip.network().isEmpty()) {
      json.put("network", Map.of("name", ip.network(), "organization", ORGANIZATION));
    }
    return json;
  }

  /** The addresses of a region; null means all regions. */
  static Map<String, Object> egress(App app, String region) {
    synchronized (app) {
      var found = app.egressIps.stream().filter(ip -> region == null || region.equals(ip.region()));
      return Map.of("nodes", found.map(GraphQlViews::egress).toList());
    }
  }

  static Map<String, Object> egress(App.Ip ip) {
    return Map.of(
        "id", ip.id(),
        "ip", ip.address(),
        "version", ip.type().equals("v4") ? 4 : 6,
        "region", ip.region(),
        "updatedAt", ip.createdAt().toString());
  }

  static Object platform() {
    var regions = Regions.ALL.keySet().stream().sorted().map(GraphQlViews::region).toList();
    return Map.of("requestRegion", Regions.NEAREST, "regions", regions);
  }

  static Map<String, Object> region(String code) {
    return Map.of(
        "code",
        code,
        "name",
        Regions.ALL.get(code).name(),
        "latitude",
        Regions.ALL.get(code).latitude(),
        "longitude",
        Regions.ALL.get(code).longitude(),
        "gatewayAvailable",
        true,
        "requiresPaidPlan",
        false,
        "deprecated",
        false);
  }
}
