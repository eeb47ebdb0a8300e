package fly.sandbox;

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
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
   */
  record Ip(String id, String address, String type, String region, Instant createdAt) {
    ObjectNode json() {
      return Fly.JSON
          .createObjectNode()
          .put("ip", address)
          .put("region", region)
          .put("service_name", "")
          .put("shared", type.equals("shared_v4"))
          .put("created_at", createdAt.toString());
    }
  }

  final String id = Ids.hex(16);
  final long number = Ids.number();
  final String name;
  final String org;
  final String network;
  final Instant createdAt;
  final Map<String, Machine> machines = new ConcurrentHashMap<>();
  final Map<String, Machine> names = new HashMap<>();
  final Map<String, Volume> volumes = new LinkedHashMap<>();
  final List<Ip> ips = new ArrayList<>();
  final Map<String, Certificate> certificates = new LinkedHashMap<>();
  final Logs logs = new Logs();
  final Map<String, Secret> secrets = new TreeMap<>();
  long secretsVersion;

  App(String name, String org, String network, Instant now) {
    this.name = name;
    this.org = org;
    this.network = network;
    this.createdAt = now;
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
            .put("volume_count", volumes.size());
    json.putObject("organization")
        .put("name", org)
        .put("slug", org)
        .put("internal_numeric_id", World.ORG_NUMBER);
    return json;
  }
}
