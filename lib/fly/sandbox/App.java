//SOURCES ../Fly.java Certificate.java Ids.java Logs.java Machine.java Rest.java Secret.java Volume.java World.java
package fly.sandbox;

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
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** An app and all that is in it. Whoever reads or changes volumes and addresses, locks it. */
final class App {
  /**
   * @param type v4, v6, private_v6 or shared_v4
   * @param service of the app, and network: empty where they were not named
   */
  record Ip(
      String id,
      String address,
      String type,
      String region,
      String service,
      String network,
      Instant createdAt) {
    ObjectNode json() {
      return Fly.JSON
          .createObjectNode()
          .put("ip", address)
          .put("region", region)
          .put("service_name", service)
          .put("shared", type.equals("shared_v4"))
          .put("created_at", createdAt.toString());
    }

    ObjectNode record() {
      return Rest.object()
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

  final String id;
  final long number;
  final String name;
  final String org;
  final String network;
  final Instant createdAt;
  final Map<String, Machine> machines = new ConcurrentHashMap<>();
  final Map<String, Machine> names = new HashMap<>();
  final Map<String, Volume> volumes = new LinkedHashMap<>();
  final List<Ip> ips = new ArrayList<>();

  /** From which its Machines of a region call others; v4 and v6. */
  final List<Ip> egressIps = new ArrayList<>();

  final Map<String, Certificate> certificates = new TreeMap<>();
  final Logs logs = new Logs();
  final Map<String, Secret> secrets = new TreeMap<>();
  long secretsVersion;
  volatile boolean deleted;

  App(String name, String org, String network, Instant now) {
    this.id = Ids.hex(16);
    this.number = Ids.number();
    this.name = name;
    this.org = org;
    this.network = network;
    this.createdAt = now;
  }

  /**
   * As it was recorded, without its Machines.
   *
   * @param folders holds those of volumes and snapshots
   */
  App(JsonNode record, Path folders) {
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
      var certificate = new Certificate(this, one);
      certificates.put(certificate.hostname, certificate);
    }
    for (var one : record.path("secrets")) {
      var secret = Secret.of(one);
      secrets.put(secret.name(), secret);
    }
  }

  synchronized ObjectNode record() {
    var record =
        Rest.object()
            .put("id", id)
            .put("number", number)
            .put("name", name)
            .put("org", org)
            .put("network", network)
            .put("created_at", createdAt.toString())
            .put("secrets_version", secretsVersion);
    record.set("ips", Rest.list(ips, Ip::record));
    record.set("egress_ips", Rest.list(egressIps, Ip::record));
    record.set("volumes", Rest.list(volumes.values(), Volume::record));
    record.set("certificates", Rest.list(certificates.values(), Certificate::record));
    record.set("secrets", Rest.list(secrets.values(), Secret::record));
    return record;
  }

  /** Machines that are not destroyed. */
  List<Machine> living() {
    return machines.values().stream()
        .filter(machine -> !machine.state().equals("destroyed"))
        .toList();
  }

  String status() {
    return living().isEmpty() ? "pending" : "deployed";
  }

  synchronized ObjectNode json() {
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
        .put("internal_numeric_id", World.ORG_NUMBER);
    return json;
  }
}
