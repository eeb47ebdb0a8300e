//SOURCES ApiError.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The types of the fields of request bodies. Like Go's decoder, the check takes null for absent,
 * ignores unknown fields, and refuses a value of another type with the field's path.
 */
public final class BodyTypes {
  /**
   * One struct per line, with its fields; {@code []} is a list of the type that follows, {@code {}}
   * a map.
   */
  private static final Map<String, Map<String, String>> STRUCTS =
      structs(
          """
          CreateApp app_name:string name:string org_slug:string network:string app_role_id:string \
              enable_subdomains:bool
          DeployToken expiry:string
          AssignIp type:string region:string org_slug:string network:string service_name:string
          Certificate hostname:string fullchain:string private_key:string
          Secrets values:{}string
          Value value:string updated_at:string
          Machine name:string region:string config:MachineConfig skip_launch:bool lsvd:bool \
              skip_service_registration:bool skip_secrets:bool min_secrets_version:int \
              lease_ttl:int current_version:string
          Stop id:string signal:string timeout:duration
          Signal signal:any
          Exec command:[]string cmd:string container:string stdin:string timeout:int machine:bool
          Lease ttl:int description:string
          Metadata metadata:{}string machine_version:string updated_at:string
          Memory limit_mb:int
          Volume name:string region:string size_gb:int encrypted:bool require_unique_zone:bool \
              unique_zone_app_wide:bool snapshot_retention:int auto_backup_enabled:bool \
              fstype:string snapshot_id:string source_volume_id:string compute:MachineGuest \
              compute_image:string
          Placements org_slug:string region:string count:int compute:MachineGuest \
              volume_name:string volume_size_bytes:long weights:any
          TokenHeader header:string access:any

          MachineConfig image:string env:{}string init:MachineInit guest:MachineGuest size:string \
              metadata:{}string mounts:[]MachineMount services:[]MachineService \
              checks:{}MachineCheck restart:MachineRestart stop_config:StopConfig \
              schedule:string auto_destroy:bool files:[]File processes:[]MachineProcess \
              dns:DNSConfig statics:[]Static standbys:[]string metrics:MachineMetrics \
              containers:[]ContainerConfig volumes:[]any rootfs:MachineRootfs \
              cache_drive:MachineCacheDrive spot:MachineSpot disable_machine_autostart:bool
          MachineInit exec:[]string entrypoint:[]string cmd:[]string kernel_args:[]string \
              tty:bool swap_size_mb:int
          MachineGuest cpu_kind:string cpus:int memory_mb:int max_memory_mb:int gpus:int \
              gpu_kind:string host_dedication_id:string kernel_args:[]string persist_rootfs:any
          MachineMount volume:string path:string name:string encrypted:bool size_gb:int \
              extend_threshold_percent:int add_size_gb:int size_gb_limit:int
          MachineService protocol:string internal_port:int ports:[]MachinePort autostart:bool \
              autostop:any min_machines_running:int concurrency:Concurrency \
              checks:[]MachineCheck force_instance_key:string force_instance_description:string
          MachinePort port:int start_port:int end_port:int handlers:[]string force_https:bool \
              http_options:HTTPOptions tls_options:TLSOptions proxy_proto_options:ProxyProto
          HTTPOptions compress:bool h2_backend:bool idle_timeout:int headers_read_timeout:int \
              response:HTTPResponse replay_cache:[]ReplayCache
          HTTPResponse headers:{}any pristine:bool
          ReplayCache path_prefix:string ttl_seconds:int type:string name:string allow_bypass:bool
          TLSOptions alpn:[]string versions:[]string default_self_signed:bool
          ProxyProto version:string
          Concurrency type:string soft_limit:int hard_limit:int
          MachineCheck type:string kind:string port:int interval:duration timeout:duration \
              grace_period:duration method:string path:string protocol:string \
              headers:[]HTTPHeader tls_skip_verify:bool tls_server_name:string
          HTTPHeader name:string values:[]string
          MachineRestart policy:string max_retries:int gpu_bid_price:number
          StopConfig signal:string timeout:duration
          File guest_path:string raw_value:string secret_name:string image_config:string mode:int
          MachineProcess exec:[]string entrypoint:[]string cmd:[]string env:{}string \
              env_from:[]EnvFrom user:string secrets:[]MachineSecret ignore_app_secrets:bool
          EnvFrom env_var:string field_ref:string
          MachineSecret env_var:string name:string
          DNSConfig skip_registration:bool nameservers:[]string searches:[]string options:[]any \
              dns_forward_rules:[]any hostname:string hostname_fqdn:string
          Static guest_path:string url_prefix:string tigris_bucket:string index_document:string
          MachineMetrics port:int path:string https:bool
          ContainerConfig name:string image:string exec:[]string entrypoint:[]string cmd:[]string \
              user:string env:{}string env_from:[]EnvFrom secrets:[]MachineSecret files:[]File \
              restart:MachineRestart stop:StopConfig depends_on:[]any healthchecks:[]any \
              mounts:[]any
          MachineRootfs persist:any size_gb:int
          MachineCacheDrive size_mb:int
          MachineSpot max_price_fraction:number
          """);

  private BodyTypes() {}

  private static Map<String, Map<String, String>> structs(String lines) {
    var structs = new LinkedHashMap<String, Map<String, String>>();
    for (var line : lines.split("\n+")) {
      var words = line.split(" +");
      var fields = new LinkedHashMap<String, String>();
      for (var i = 1; i < words.length; i++) {
        var colon = words[i].indexOf(':');
        fields.put(words[i].substring(0, colon), words[i].substring(colon + 1));
      }
      structs.put(words[0], fields);
    }
    return structs;
  }

  /** Refuses a body that is not of this struct. */
  public static void check(JsonNode body, String struct) {
    if (!body.isObject()) throw wrong(body, "request", "object");
    check(body, struct, "");
  }

  private static void check(JsonNode value, String type, String path) {
    if (value.isNull() || type.equals("any")) return;
    var fields = STRUCTS.get(type);
    if (type.startsWith("[]")) {
      if (!value.isArray()) throw wrong(value, path, type);
      for (var item : value) check(item, type.substring(2), path);
    } else if (type.startsWith("{}")) {
      if (!value.isObject()) throw wrong(value, path, "map[string]" + type.substring(2));
      for (var entry : value.properties()) {
        check(entry.getValue(), type.substring(2), path + "." + entry.getKey());
      }
    } else if (fields != null) {
      if (!value.isObject()) throw wrong(value, path, type);
      for (var entry : value.properties()) {
        var field = fields.get(entry.getKey());
        if (field == null) continue;
        check(
            entry.getValue(), field, path.isEmpty() ? entry.getKey() : path + "." + entry.getKey());
      }
    } else if (!is(value, type)) {
      throw wrong(value, path, type);
    }
  }

  private static boolean is(JsonNode value, String type) {
    return switch (type) {
      case "string" -> value.isTextual();
      case "bool" -> value.isBoolean();
      case "int" -> value.isIntegralNumber() && value.canConvertToInt();
      case "long" -> value.isIntegralNumber() && value.canConvertToLong();
      case "number" -> value.isNumber();
      case "duration" -> value.isTextual() || value.isIntegralNumber() && value.canConvertToLong();
      default -> throw new IllegalArgumentException(type);
    };
  }

  /** The name of the type in the words of Go's JSON decoder. */
  private static ApiError wrong(JsonNode value, String field, String type) {
    var got =
        switch (value.getNodeType()) {
          case ARRAY -> "array";
          case OBJECT -> "object";
          case NUMBER -> "number";
          case BOOLEAN -> "bool";
          default -> "string";
        };
    return ApiError.wrongType(got, field, type);
  }
}
