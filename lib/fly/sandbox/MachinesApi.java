//SOURCES ../Fly.java ApiError.java App.java Durations.java Guesses.java Machine.java Processes.java Rest.java
//SOURCES Rules.java SandboxServer.java Waits.java World.java
package fly.sandbox;

import static fly.sandbox.Rest.body;
import static fly.sandbox.Rest.csv;
import static fly.sandbox.Rest.flag;
import static fly.sandbox.Rest.json;
import static fly.sandbox.Rest.list;
import static fly.sandbox.Rest.number;
import static fly.sandbox.Rest.object;
import static fly.sandbox.Rest.ok;
import static fly.sandbox.Rest.optionalBody;
import static fly.sandbox.Rest.send;
import static fly.sandbox.Rest.string;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.Guesses.Guess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;

/** Machines: the part of the REST API that most of it is about. */
final class MachinesApi {
  private static final String MACHINES = "/v1/apps/{app}/machines";
  private static final String MACHINE = MACHINES + "/{machine}";
  private static final String NONCE = "fly-machine-lease-nonce";
  private static final Set<String> STATES =
      Set.of("created", "started", "stopped", "suspended", "destroyed", "failed", "settled");

  private final World world;

  MachinesApi(World world) {
    this.world = world;
  }

  void routes(RoutesConfig routes) {
    routes.get(MACHINES, this::listMachines);
    routes.post(MACHINES, json(this::createMachine));
    routes.get(MACHINE, this::showMachine);
    routes.post(MACHINE, json(this::updateMachine));
    routes.delete(MACHINE, json(this::destroyMachine));
    routes.get(MACHINE + "/wait", this::await);
    routes.post(MACHINE + "/start", json(this::startMachine));
    routes.post(MACHINE + "/stop", json(this::stopMachine));
    routes.post(MACHINE + "/suspend", json(this::suspendMachine));
    routes.post(MACHINE + "/restart", json(this::restartMachine));
    routes.post(MACHINE + "/signal", json(this::signalMachine));
    routes.post(MACHINE + "/cordon", json(x -> cordon(x, true)));
    routes.post(MACHINE + "/uncordon", json(x -> cordon(x, false)));
    routes.get(MACHINE + "/events", json(this::events));
    routes.get(MACHINE + "/versions", json(x -> machine(x).versions()));
    routes.get(MACHINE + "/ps", json(this::processes));
    routes.post(MACHINE + "/exec", json(this::exec));

    routes.get(MACHINE + "/lease", json(this::showLease));
    routes.post(MACHINE + "/lease", this::createLease);
    routes.delete(MACHINE + "/lease", json(this::releaseLease));

    routes.get(MACHINE + "/metadata", json(x -> machine(x).metadata()));
    routes.put(MACHINE + "/metadata", this::updateMetadata);
    routes.patch(MACHINE + "/metadata", this::updateMetadata);
    routes.get(MACHINE + "/metadata/{key}", json(this::metadataKey));
    routes.post(MACHINE + "/metadata/{key}", this::upsertMetadata);
    routes.delete(MACHINE + "/metadata/{key}", this::deleteMetadata);

    routes.get(MACHINE + "/memory", json(x -> machine(x).memory()));
    routes.put(MACHINE + "/memory", json(this::limitMemory));
    routes.post(MACHINE + "/memory/reclaim", SandboxServer::notHere);
  }

  private App app(Context x) {
    return world.app(x.pathParam("app"));
  }

  private Machine machine(Context x) {
    return world.machine(app(x), x.pathParam("machine"));
  }

  /** The Machine, unless it is destroyed. */
  private Machine living(Context x) {
    var machine = machine(x);
    machine.requireThere();
    return machine;
  }

  /** The Machine, if the one who asks may write to it. */
  private Machine writable(Context x) {
    var machine = living(x);
    machine.requireLease(x.header(NONCE));
    return machine;
  }

  private void listMachines(Context x) {
    var all = flag(x, "include_deleted");
    var leases = flag(x, "include_leases");
    var summary = flag(x, "summary");
    var states = csv(x, "state");
    var region = x.queryParam("region");
    var metadata = new TreeMap<String, String>();
    x.queryParamMap()
        .forEach(
            (name, values) -> {
              if (name.startsWith("metadata.")) metadata.put(name.substring(9), values.get(0));
            });
    var machines =
        app(x).machines.values().stream()
            .filter(machine -> all || !machine.state().equals("destroyed"))
            .filter(machine -> states.isEmpty() || states.contains(machine.state()))
            .filter(machine -> region == null || region.equals(machine.region))
            .filter(
                machine ->
                    metadata.entrySet().stream()
                        .allMatch(
                            entry ->
                                entry
                                    .getValue()
                                    .equals(machine.metadata().path(entry.getKey()).asText(null))))
            .toList();
    send(
        x,
        list(
            machines.stream()
                .map(machine -> summary ? summary(machine, leases) : machine.bytes(leases))
                .toList()));
  }

  private static byte[] summary(Machine machine, boolean withLease) {
    var json = machine.json(withLease);
    json.remove(List.of("config", "checks", "events", "host_status"));
    return SandboxServer.bytes(json);
  }

  private JsonNode createMachine(Context x) {
    var request = body(x, "Machine");
    var machine = world.createMachine(app(x), request);
    var created = machine.json(false);
    var nonce = machine.nonce();
    if (nonce != null) created.put("nonce", nonce);
    if (!request.path("skip_launch").asBoolean()) machine.prepare();
    else machine.rest();
    return created;
  }

  private void showMachine(Context x) {
    send(x, machine(x).bytes(flag(x, "include_leases")));
  }

  private JsonNode updateMachine(Context x) {
    var machine = writable(x);
    var request = body(x, "Machine");
    var current = string(request, "current_version");
    machine.update(Rules.config(request), current, request.path("skip_launch").asBoolean());
    var json = machine.json(false);
    if (request.path("lease_ttl").asInt() > 0) {
      json.put(
          "nonce", machine.lease(x.header(NONCE), request.path("lease_ttl").asInt(), "").nonce());
    }
    return json;
  }

  private JsonNode startMachine(Context x) {
    var previous = writable(x).start("user");
    return object().put("previous_state", previous).put("migrated", false).put("new_host", "");
  }

  private JsonNode stopMachine(Context x) {
    var request = optionalBody(x, "Stop");
    var signal = signal(request.path("signal").asText(""), "HUP|INT|QUIT|KILL|USR1|USR2|TERM");
    writable(x).stop(signal, Durations.of(request.path("timeout"), null));
    return ok();
  }

  private JsonNode suspendMachine(Context x) {
    writable(x).suspend();
    return ok();
  }

  private JsonNode restartMachine(Context x) {
    var signal = signal(x.queryParam("signal"), "HUP|INT|QUIT|KILL|USR1|USR2|TERM");
    var timeout = x.queryParam("timeout");
    var patience =
        timeout == null ? null : Durations.of(Fly.JSON.getNodeFactory().textNode(timeout), null);
    if (flag(x, "force_stop")) signal = "SIGKILL";
    writable(x).restart(signal, patience);
    return ok();
  }

  private JsonNode signalMachine(Context x) {
    var given = body(x, "Signal").path("signal");
    var name = given.isIntegralNumber() && given.asInt() == 9 ? "SIGKILL" : given.asText("");
    var signal = signal(name, "ABRT|ALRM|FPE|HUP|ILL|INT|KILL|PIPE|QUIT|SEGV|TERM|TRAP|USR1|USR2");
    if (signal == null) throw ApiError.invalid("signal is required");
    machine(x).signal(signal);
    return ok();
  }

  private static String signal(String given, String known) {
    if (given == null || given.isEmpty()) return null;
    if (given.matches("(SIG)?(" + known + ")")) return given;
    throw ApiError.invalid("invalid signal " + given);
  }

  private JsonNode cordon(Context x, boolean on) {
    writable(x).cordon(on);
    return ok();
  }

  private JsonNode destroyMachine(Context x) {
    writable(x).destroy(flag(x, "force") || flag(x, "kill"));
    return ok();
  }

  private void await(Context x) {
    var machine = machine(x);
    var states = csv(x, "state");
    if (states.isEmpty()) states = Set.of("started");
    if (!STATES.containsAll(states)) throw ApiError.invalid("invalid_argument: unknown state");
    var given = x.queryParam("timeout");
    var seconds = given == null ? "60" : given.replaceFirst("s$", "");
    if (!seconds.matches("\\d{1,2}") || seconds.matches("0+") || Integer.parseInt(seconds) > 60) {
      throw ApiError.invalid(
          "invalid_argument: invalid WaitMachineRequest.Timeout: value must be inside range [1s,"
              + " 1m0s]");
    }
    var version = x.queryParam("version");
    if (version == null) version = x.queryParam("instance_id");
    if (version != null && version.isEmpty()) version = null; // as clients send what they lack
    if (version == null
        && states.contains("stopped")
        && world.guess(Guess.WAIT_STOPPED, "version")) {
      throw ApiError.invalid("instance_id required when waiting for stopped machine");
    }
    var reached =
        world.await(
            machine,
            new Waits.Wanted(states, version, x.queryParam("from_event_id")),
            Duration.ofSeconds(Integer.parseInt(seconds)));
    x.future(
        () ->
            reached.handle(
                (answer, failure) -> {
                  if (failure == null) send(x, answer);
                  else SandboxServer.refuse(x, error(failure));
                  return null;
                }));
  }

  private static ApiError error(Throwable failure) {
    var cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof ApiError error ? error : new ApiError(500, cause.toString());
  }

  private JsonNode events(Context x) {
    var limit = Math.min(number(x, "limit", 20), 50);
    var answer = Fly.JSON.createArrayNode();
    machine(x).events().stream().limit(limit).forEach(answer::add);
    return answer;
  }

  private JsonNode processes(Context x) {
    var sortBy = x.queryParam("sort_by");
    var order = x.queryParam("order");
    return Processes.json(machine(x).processes(), sortBy, order);
  }

  private JsonNode exec(Context x) {
    var request = body(x, "Exec");
    var command = new ArrayList<String>();
    if (request.path("command").isArray()) {
      for (var word : request.path("command")) command.add(word.asText());
    } else if (string(request, "cmd") != null) {
      command.addAll(List.of("sh", "-c", string(request, "cmd")));
    }
    if (command.isEmpty()) throw ApiError.invalid("command is required");
    var timeout = request.path("timeout");
    var seconds = timeout.asInt() > 0 ? Math.min(timeout.asInt(), 60) : 30;
    var stdin = string(request, "stdin");
    return machine(x).exec(command, stdin == null ? "" : stdin, Duration.ofSeconds(seconds));
  }

  // Leases

  private JsonNode showLease(Context x) {
    return machine(x).leaseEnvelope();
  }

  private void createLease(Context x) {
    var request = optionalBody(x, "Lease");
    var given = number(x, "ttl", request.path("ttl").asInt(0));
    var machine = living(x);
    try {
      machine.lease(x.header(NONCE), given, request.path("description").asText(""));
      x.status(201);
      send(x, machine.leaseEnvelope());
    } catch (ApiError e) {
      if (e.status != 409) throw e;
      x.status(409);
      var why = e.getMessage().replaceFirst("^aborted: ", "");
      send(x, object().put("status", "error").put("message", why).put("code", "invalid"));
    }
  }

  private JsonNode releaseLease(Context x) {
    machine(x).release(x.header(NONCE));
    var answer = object().put("status", "success");
    answer.putObject("data").put("ok", true);
    return answer;
  }

  // Metadata

  private void updateMetadata(Context x) {
    var request = body(x, "Metadata");
    var changes = new TreeMap<String, String>();
    var metadata = request.path("metadata");
    if (!metadata.isObject()) throw ApiError.invalid("metadata is required");
    if (x.method() == HandlerType.PUT && world.guess(Guess.METADATA_PUT, "replace")) {
      machine(x).metadata().fieldNames().forEachRemaining(name -> changes.put(name, null));
    }
    for (var entry : metadata.properties()) {
      var value = string(metadata, entry.getKey());
      changes.put(entry.getKey(), value == null || value.isEmpty() ? null : value);
    }
    living(x).changeMetadata(changes, string(request, "machine_version"));
    x.status(204);
  }

  private JsonNode metadataKey(Context x) {
    var value = machine(x).metadata().path(x.pathParam("key"));
    if (value.isMissingNode()) throw noMetadata();
    return object().set("value", value);
  }

  private static ApiError noMetadata() {
    return new ApiError(404, "not_found: metadata key not found");
  }

  private void upsertMetadata(Context x) {
    var value = string(body(x, "Value"), "value");
    if (value == null) throw ApiError.invalid("value is required");
    living(x).changeMetadata(Map.of(x.pathParam("key"), value), null);
    x.status(204);
  }

  private void deleteMetadata(Context x) {
    var key = x.pathParam("key");
    var absent = !living(x).metadata().has(key);
    if (absent && world.guess(Guess.METADATA_ABSENT, "404")) throw noMetadata();
    var change = new TreeMap<String, String>();
    change.put(key, null);
    living(x).changeMetadata(change, null);
    x.status(204);
  }

  private JsonNode limitMemory(Context x) {
    var limit = body(x, "Memory").path("limit_mb").asInt();
    if (limit < 1) throw ApiError.invalid("invalid limit_mb, must be a whole number");
    return living(x).limitMemory(limit);
  }
}
