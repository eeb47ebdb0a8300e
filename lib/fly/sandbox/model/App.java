//SOURCES ../../Fly.java ApiError.java AppLogs.java Certificate.java Ids.java JsonNodes.java Machine.java Org.java
//SOURCES Record.java Secret.java Volume.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** An app with its contents. Its monitor guards volumes, addresses, secrets and names. */
public final class App implements Record {
  /**
   * @param type v4, v6, private_v6 or shared_v4
   * @param the app's service; empty if the request named none
   * @param network the private network; empty if the request named none
   */
  public record Ip(
      String id,
      String address,
      String type,
      String region,
      String service,
      String network,
      Instant createdAt) {
    public ObjectNode json() {
      return Fly.JSON
          .createObjectNode()
          .put("ip", address)
          .put("region", region)
          .put("service_name", service)
          .put("shared", type.equals("shared_v4"))
          .put("created_at", createdAt.toString());
    }

    public ObjectNode record() {
      return JsonNodes.object()
          .put("id", id)
          .put("address", address)
          .put("type", type)
          .put("region", region)
          .put("service", service)
          .put("network", network)
          .put("created_at", createdAt.toString());
    }

    static Ip of(JsonNode record) {
      return new Ip(
          record.path("id").asText(),
          record.path("address").asText(),
          record.path("type").asText(),
          record.path("region").asText(),
          record.path("service").asText(),
          record.path("network").asText(),
          Instant.parse(record.path("created_at").asText()));
    }
  }

  public final String id;
  public final long number;
  public final String name;
  final String org;
  public final String network;
  public final Instant createdAt;
  public final Map<String, Machine> machines = new ConcurrentHashMap<>();
  public final Map<String, Machine> names = new HashMap<>();
  public final Map<String, Volume> volumes = new LinkedHashMap<>();
  public final List<Ip> ips = new ArrayList<>();

  /** The addresses, v4 and v6, from which the Machines of a region call other servers. */
  public final List<Ip> egressIps = new ArrayList<>();

  public final Map<String, Certificate> certificates = new TreeMap<>();
  public final AppLogs logs = new AppLogs();
  public final Map<String, Secret> secrets = new TreeMap<>();
  public long secretsVersion;
  public volatile boolean deleted;

  /** The config of the newest Machine; null before the first. */
  private ObjectNode newestConfig;

  public App(String name, String org, String network, Instant now) {
    this.id = Ids.hex(16);
    this.number = Ids.number();
    this.name = name;
    this.org = org;
    this.network = network;
    this.createdAt = now;
  }

  /**
   * Restores a recorded app, without its Machines.
   *
   * @param folders the folder with those of volumes and snapshots
   */
  public App(JsonNode record, Path folders) {
    this.id = record.path("id").asText();
    this.number = record.path("number").asLong();
    this.name = record.path("name").asText();
    this.org = record.path("org").asText();
    this.network = record.path("network").asText();
    this.createdAt = Instant.parse(record.path("created_at").asText());
    this.secretsVersion = record.path("secrets_version").asLong();
    Ids.numbersAfter(number);
    for (var ip : record.path("ips")) ips.add(Ip.of(ip));
    for (var ip : record.path("egress_ips")) egressIps.add(Ip.of(ip));
    for (var one : record.path("volumes")) {
      var volume = new Volume(one, folders);
      volumes.put(volume.id, volume);
    }
    for (var one : record.path("certificates")) {
      var certificate = new Certificate(one);
      certificates.put(certificate.hostname, certificate);
    }
    for (var one : record.path("secrets")) {
      var secret = Secret.of(one);
      secrets.put(secret.name(), secret);
    }
  }

  /** The name in a request for a new app. */
  public static String name(JsonNode request) {
    var name = request.path("app_name").asText(request.path("name").asText(""));
    if (!name.matches("[a-z0-9][a-z0-9-]{0,62}")) throw ApiError.invalidAppName();
    return name;
  }

  @Override
  public String table() {
    return "apps";
  }

  @Override
  public String recordId() {
    return id;
  }

  /** The volume with this id; null if there is none. */
  public synchronized Volume volume(String id) {
    return volumes.get(id);
  }

  /**
   * Refuses additions to a deleted app, which would outlive it. The caller holds the app's monitor.
   */
  public void requireThere() {
    if (deleted) throw ApiError.appNotFound();
  }

  /**
   * A config for a new Machine: the object of the previous Machine if both are equal, as in a
   * fleet. It can be shared, because no code changes a Machine's config in place.
   */
  synchronized ObjectNode shared(ObjectNode config) {
    if (newestConfig == null || !JsonNodes.same(newestConfig, config)) newestConfig = config;
    return newestConfig;
  }

  /** Names and values of the secrets. */
  public synchronized Map<String, String> secretValues() {
    var values = new TreeMap<String, String>();
    secrets.forEach((name, secret) -> values.put(name, secret.value()));
    return values;
  }

  @Override
  public synchronized Optional<ObjectNode> record() {
    if (deleted) return Optional.empty();
    var record =
        JsonNodes.object()
            .put("id", id)
            .put("number", number)
            .put("name", name)
            .put("org", org)
            .put("network", network)
            .put("created_at", createdAt.toString())
            .put("secrets_version", secretsVersion);
    record.set("ips", JsonNodes.list(ips, Ip::record));
    record.set("egress_ips", JsonNodes.list(egressIps, Ip::record));
    record.set("volumes", JsonNodes.list(volumes.values(), Volume::record));
    record.set("certificates", JsonNodes.list(certificates.values(), Certificate::record));
    record.set("secrets", JsonNodes.list(secrets.values(), Secret::record));
    return Optional.of(record);
  }

  /** Machines that are not destroyed. */
  public List<Machine> living() {
    return machines.values().stream().filter(machine -> !machine.isDestroyed()).toList();
  }

  public String status() {
    return living().isEmpty() ? "pending" : "deployed";
  }

  public synchronized ObjectNode json() {
    var json =
        Fly.JSON
            .createObjectNode()
            .put("id", id)
            .put("internal_numeric_id", number)
            .put("name", name)
            .put("network", network)
            .put("status", status())
            .put("machine_count", living().size())
            .put("volume_count", volumes.values().stream().filter(Volume::usable).count());
    json.putObject("organization")
        .put("name", org)
        .put("slug", org)
        .put("internal_numeric_id", Org.NUMBER);
    return json;
  }
}
