//SOURCES ../../Fly.java ../http/ErrorBodies.java ../http/Json.java ../model/ApiError.java ../model/App.java
//SOURCES ../model/ConfigRules.java ../model/GoDuration.java ../model/Guesses.java ../model/JsonNodes.java
//SOURCES ../model/Machine.java ../model/StateWaiters.java ../runtime/ProcessList.java
//SOURCES ../service/MachineLifecycle.java ../service/Organization.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.array;
import static fly.sandbox.http.Json.body;
import static fly.sandbox.http.Json.csv;
import static fly.sandbox.http.Json.flag;
import static fly.sandbox.http.Json.json;
import static fly.sandbox.http.Json.number;
import static fly.sandbox.http.Json.optionalBody;
import static fly.sandbox.http.Json.send;
import static fly.sandbox.model.JsonNodes.object;
import static fly.sandbox.model.JsonNodes.ok;
import static fly.sandbox.model.JsonNodes.string;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import fly.Fly;
import fly.sandbox.http.ErrorBodies;
import fly.sandbox.http.Json;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.ConfigRules;
import fly.sandbox.model.GoDuration;
import fly.sandbox.model.Guesses;
import fly.sandbox.model.Guesses.Guess;
import fly.sandbox.model.JsonNodes;
import fly.sandbox.model.Machine;
import fly.sandbox.model.StateWaiters;
import fly.sandbox.runtime.ProcessList;
import fly.sandbox.service.MachineLifecycle;
import fly.sandbox.service.Organization;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;

/** Machines: the largest part of the REST API. */
public final class MachinesApi {
  private static final String MACHINES = "/v1/apps/{app}/machines";
  private static final String MACHINE = MACHINES + "/{machine}";
  private static final String NONCE = "fly-machine-lease-nonce";
  private static final Set<String> STATES =
      Set.of("created", "started", "stopped", "suspended", "destroyed", "failed", "settled");

  private final Organization organization;
  private final MachineLifecycle lifecycle;
  private final Guesses guesses;

  public MachinesApi(Organization organization, MachineLifecycle lifecycle, Guesses guesses) {
    this.organization = organization;
    this.lifecycle = lifecycle;
    this.guesses = guesses;
  }

  public void routes(RoutesConfig routes) {
    routes.get(MACHINE, this::showMachine);
    routes.get(MACHINES, this::listMachines);
    routes.post(MACHINES, this::createMachine);
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

    routes.get(MACHINE + "/memory", json(x -> machine(x).memory()));
    routes.put(MACHINE + "/memory", json(this::limitMemory));
    routes.post(MACHINE + "/memory/reclaim", ErrorBodies::notHere);
  }

  private App app(Context x) {
    return organization.app(x.pathParam("app"));
  }

  private Machine machine(Context x) {
    return organization.machine(app(x), x.pathParam("machine"));
  }

  /** The Machine, unless it is destroyed. */
  private Machine living(Context x) {
    var machine = machine(x);
    machine.requireThere();
    return machine;
  }

  /** The Machine, unless another client holds its lease. */
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
            .filter(machine -> all || !machine.isDestroyed())
            .filter(machine -> states.isEmpty() || states.contains(machine.state().toString()))
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
        array(
            machines.stream()
                .map(machine -> summary ? summary(machine, leases) : machine.bytes(leases))
                .toList()));
  }

  private static byte[] summary(Machine machine, boolean withLease) {
    var json = machine.json(withLease);
    json.remove(List.of("config", "checks", "events", "host_status"));
    return JsonNodes.bytes(json);
  }

  /** A new Machine, not yet launched. */
  record Created(Machine machine, boolean rests, byte[] answer) {}

  private void createMachine(Context x) {
    var created = create(app(x), body(x, "Machine"));
    send(x, created.answer());
    launch(created);
  }

  /** Creates a Machine from the body of a request. */
  Created create(String app, byte[] body) {
    return create(organization.app(app), Json.body(body, "Machine"));
  }

  private Created create(App app, ObjectNode request) {
    var machine = organization.createMachine(app, request);
    var nonce = machine.nonce();
    var answer =
        nonce == null
            ? machine.bytes(false)
            : JsonNodes.bytes(machine.json(false).put("nonce", nonce));
    return new Created(machine, request.path("skip_launch").asBoolean(), answer);
  }

  void launch(Created created) {
    if (created.rests()) lifecycle.rest(created.machine());
    else lifecycle.prepare(created.machine());
  }

  /** The JSON of a Machine. */
  byte[] read(String app, String id) {
    return organization.machine(organization.app(app), id).bytes(false);
  }

  private void showMachine(Context x) {
    send(x, machine(x).bytes(flag(x, "include_leases")));
  }

  private JsonNode updateMachine(Context x) {
    var machine = writable(x);
    var request = body(x, "Machine");
    var current = string(request, "current_version");
    var skipLaunch = request.path("skip_launch").asBoolean();
    lifecycle.update(machine, ConfigRules.config(request), current, skipLaunch);
    var json = machine.json(false);
    var lease = request.path("lease_ttl").asInt();
    if (lease > 0) {
      json.put("nonce", machine.lease(x.header(NONCE), Duration.ofSeconds(lease), "").nonce());
    }
    return json;
  }

  private JsonNode startMachine(Context x) {
    var previous = lifecycle.start(writable(x), "user");
    return object()
        .put("previous_state", previous.toString())
        .put("migrated", false)
        .put("new_host", "");
  }

  private JsonNode stopMachine(Context x) {
    var request = optionalBody(x, "Stop");
    var signal = signal(request.path("signal").asText(""), "HUP|INT|QUIT|KILL|USR1|USR2|TERM");
    lifecycle.stop(writable(x), signal, GoDuration.of(request.path("timeout"), null));
    return ok();
  }

  private JsonNode suspendMachine(Context x) {
    lifecycle.suspend(writable(x));
    return ok();
  }

  private JsonNode restartMachine(Context x) {
    var signal = signal(x.queryParam("signal"), "HUP|INT|QUIT|KILL|USR1|USR2|TERM");
    var timeout = x.queryParam("timeout");
    var patience = timeout == null ? null : GoDuration.of(TextNode.valueOf(timeout), null);
    if (flag(x, "force_stop")) signal = "SIGKILL";
    lifecycle.restart(writable(x), signal, patience);
    return ok();
  }

  private JsonNode signalMachine(Context x) {
    var given = body(x, "Signal").path("signal");
    var name = given.isIntegralNumber() && given.asInt() == 9 ? "SIGKILL" : given.asText("");
    var signal = signal(name, "ABRT|ALRM|FPE|HUP|ILL|INT|KILL|PIPE|QUIT|SEGV|TERM|TRAP|USR1|USR2");
    if (signal == null) throw ApiError.required("signal");
    lifecycle.running(machine(x)).signal(signal);
    return ok();
  }

  private static String signal(String given, String known) {
    if (given == null || given.isEmpty()) return null;
    if (given.matches("(SIG)?(" + known + ")")) return given;
    throw ApiError.invalid("signal " + given);
  }

  private JsonNode cordon(Context x, boolean on) {
    writable(x).cordon(on);
    return ok();
  }

  private JsonNode destroyMachine(Context x) {
    lifecycle.destroy(writable(x), flag(x, "force") || flag(x, "kill"));
    return ok();
  }

  private void await(Context x) {
    var machine = machine(x);
    var states = csv(x, "state");
    if (states.isEmpty()) states = Set.of("started");
    if (!STATES.containsAll(states)) throw ApiError.invalidArgument("unknown state");
    var given = x.queryParam("timeout");
    var seconds = given == null ? "60" : given.replaceFirst("s$", "");
    if (!seconds.matches("\\d{1,2}") || seconds.matches("0+") || Integer.parseInt(seconds) > 60) {
      throw ApiError.invalidArgument(
          "invalid WaitMachineRequest.Timeout: value must be inside range [1s, 1m0s]");
    }
    var version = x.queryParam("version");
    if (version == null) version = x.queryParam("instance_id");
    if (version != null && version.isEmpty()) version = null; // clients send empty parameters
    if (version == null
        && states.contains("stopped")
        && guesses.is(Guess.WAIT_STOPPED, "version")) {
      throw ApiError.waitWithoutVersion();
    }
    var reached =
        machine.await(
            new StateWaiters.Wanted(states, version, x.queryParam("from_event_id")),
            Duration.ofSeconds(Integer.parseInt(seconds)));
    x.future(
        () ->
            reached.handle(
                (answer, failure) -> {
                  if (failure == null) send(x, answer);
                  else ErrorBodies.refuse(x, error(failure));
                  return null;
                }));
  }

  private static ApiError error(Throwable failure) {
    var cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof ApiError error ? error : ApiError.bug(cause);
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
    return ProcessList.json(lifecycle.running(machine(x)).handles(), sortBy, order);
  }

  private JsonNode exec(Context x) {
    var request = body(x, "Exec");
    var command = new ArrayList<String>();
    if (request.path("command").isArray()) {
      for (var word : request.path("command")) command.add(word.asText(""));
    } else if (string(request, "cmd") != null) {
      command.addAll(List.of("sh", "-c", string(request, "cmd")));
    }
    if (command.isEmpty()) throw ApiError.required("command");
    var timeout = request.path("timeout");
    var seconds = timeout.asInt() > 0 ? Math.min(timeout.asInt(), 60) : 30;
    var stdin = string(request, "stdin");
    return lifecycle
        .running(machine(x))
        .exec(command, stdin == null ? "" : stdin, Duration.ofSeconds(seconds));
  }

  private JsonNode limitMemory(Context x) {
    var limit = body(x, "Memory").path("limit_mb").asInt();
    if (limit < 1) throw ApiError.notWhole("limit_mb");
    return living(x).limitMemory(limit);
  }
}
