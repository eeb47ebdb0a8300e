//SOURCES ../../Count.java ../faults/Latency.java ../model/ApiError.java ../model/Clock.java ../model/GoDuration.java
//SOURCES ../model/Guesses.java ../model/JsonNodes.java ../model/Machine.java ../model/MachineState.java
//SOURCES ../model/Workers.java ../runtime/ContainedProcess.java ../runtime/HealthChecks.java
//SOURCES ../runtime/MachineProcesses.java RunningMachine.java VolumeService.java
package fly.sandbox.service;

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Count;
import fly.sandbox.faults.Latency;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Clock;
import fly.sandbox.model.GoDuration;
import fly.sandbox.model.Guesses;
import fly.sandbox.model.Guesses.Guess;
import fly.sandbox.model.JsonNodes;
import fly.sandbox.model.Machine;
import fly.sandbox.model.MachineState;
import fly.sandbox.model.Workers;
import fly.sandbox.runtime.ContainedProcess;
import fly.sandbox.runtime.HealthChecks;
import fly.sandbox.runtime.MachineProcesses;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Starts, stops, suspends, replaces and destroys Machines. Every method throws an {@link ApiError}
 * if Fly.io would refuse. It guards a Machine by the Machine's monitor; slow steps (starting,
 * stopping) run on the workers, and passing states show them. The class is long because the steps
 * share these states: each depends on the others under way.
 */
public final class MachineLifecycle {
  /** Uptime after which the count of restarts begins anew (a guess). */
  private static final Duration RECOVERED = Duration.ofMinutes(5);

  private static final Duration RESTART_PAUSE = Duration.ofSeconds(1);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(5);

  private final Clock clock;
  private final Workers workers;
  private final Latency latency;
  private final Guesses guesses;
  private final VolumeService volumes;
  private final MachineProcesses.Host host;
  private final Map<Machine, RunningMachine> running = new ConcurrentHashMap<>();

  public MachineLifecycle(
      Clock clock,
      Workers workers,
      Latency latency,
      Guesses guesses,
      VolumeService volumes,
      MachineProcesses.Host host) {
    this.clock = clock;
    this.workers = workers;
    this.latency = latency;
    this.guesses = guesses;
    this.volumes = volumes;
    this.host = host;
  }

  public RunningMachine running(Machine machine) {
    return running.computeIfAbsent(machine, key -> new RunningMachine(key, clock));
  }

  /** Forgets a Machine that is no longer listed. */
  void forget(Machine machine) {
    running.remove(machine);
  }

  /** The Machine's image has a command here; without one the Machine is state only. */
  public boolean runs(Machine machine) {
    return host.images().runs(machine.config());
  }

  // Start

  /** Starts a new Machine once its image has been pulled; no client can start it before. */
  public void prepare(Machine machine) {
    machine.preparing(true);
    latency.after("create", () -> prepared(machine));
  }

  private void prepared(Machine machine) {
    synchronized (machine) {
      if (!machine.preparing()) return; // stopped or destroyed meanwhile
      machine.preparing(false);
      start(machine, "user");
    }
  }

  /** Leaves a new Machine that is not to be launched at rest. */
  public void rest(Machine machine) {
    if (guesses.is(Guess.SKIP_LAUNCH, "stopped")) machine.become(MachineState.STOPPED);
  }

  /** Starts a restored Machine again if it ran before. */
  public void wake(Machine machine) {
    if (machine.takeAsleep()) start(machine, "flyd");
  }

  /**
   * Starts a Machine that is down.
   *
   * @return the state before
   */
  public MachineState start(Machine machine, String source) {
    synchronized (machine) {
      var previous = machine.state();
      switch (previous) {
        case STARTED -> {
          if (guesses.is(Guess.START_STARTED, "ok")) return previous;
          throw ApiError.stillStarting();
        }
        case STARTING -> throw ApiError.stillStarting();
        case CREATED -> {
          if (machine.preparing() && source.equals("proxy")) return previous; // the proxy waits
          if (machine.preparing()) throw ApiError.unable("start", previous);
        }
        case STOPPED, SUSPENDED, FAILED -> {}
        case REPLACING -> throw ApiError.replacing();
        default -> throw ApiError.unable("start", previous);
      }
      var run = running(machine);
      run.forgetCrashes();
      machine.become(MachineState.STARTING, "start", source);
      var resumes = previous == MachineState.SUSPENDED && run.processes() != null;
      latency.after("start", () -> workers.run(() -> startNow(machine, resumes)));
      return previous;
    }
  }

  private void startNow(Machine machine, boolean resumes) {
    if (resumes) resume(machine);
    else launch(machine);
  }

  private void resume(Machine machine) {
    var run = running(machine);
    var frozen = run.processes();
    if (frozen != null) frozen.resume();
    synchronized (machine) {
      var ended = frozen == null || run.processes() != frozen;
      if (!machine.is(MachineState.STARTING) || ended) return;
      run.pauseChecks(false);
      machine.become(MachineState.STARTED, "start", "flyd");
    }
  }

  private void launch(Machine machine) {
    MachineProcesses launched = null;
    String failure = null;
    ObjectNode config;
    String version;
    synchronized (machine) {
      config = machine.config();
      version = machine.version();
    }
    var run = running(machine);
    try {
      launched = MachineProcesses.start(host, machine, config, version, run::lastWords);
    } catch (IOException | IllegalArgumentException e) { // such as a variable's name with =
      failure = e.getMessage();
      log(machine, "error", failure);
    }
    MachineProcesses unwanted = null;
    synchronized (machine) {
      if (!machine.is(MachineState.STARTING)) {
        unwanted = launched; // stopped or destroyed meanwhile
      } else if (failure != null) {
        crashed(machine, failure, 1);
      } else {
        began(machine, launched, config);
        machine.become(MachineState.STARTED, "start", "flyd");
      }
    }
    if (unwanted != null) unwanted.stop("SIGKILL", Duration.ZERO);
  }

  private void began(Machine machine, MachineProcesses launched, ObjectNode config) {
    var run = running(machine);
    if (launched == null) {
      run.began(null, null);
      return;
    }
    run.began(launched, new HealthChecks(host, machine, launched, config));
    launched.end().thenAccept(end -> workers.run(() -> ended(machine, launched, end)));
    workers.run(() -> volumes.watchGrowth(machine, () -> run.processes() == launched));
  }

  // The end of a program

  /** Ends the other processes too: a Machine is up or down as a whole. */
  private void ended(Machine machine, MachineProcesses old, MachineProcesses.End end) {
    old.stop("SIGTERM", stopTimeout(machine));
    var run = running(machine);
    synchronized (machine) {
      if (run.processes() != old) return;
      if (run.front().up().compareTo(RECOVERED) >= 0) run.restarts = 0;
      run.gone();
      exited(machine, end);
      if (!run.staysUp()) return;
      var exit = end.exit();
      var why = "exit code " + exit.code() + (old.said().isEmpty() ? "" : ": " + old.said());
      crashed(machine, why, exit.code());
    }
  }

  /** Restarts after a pause, as long as the policy allows. */
  private void crashed(Machine machine, String why, int code) {
    var run = running(machine);
    run.crashed(why);
    if (restartsAfter(machine, code)) {
      run.restarts++;
      machine.become(MachineState.STARTING, "restart", "flyd");
      clock.later(RESTART_PAUSE, () -> workers.run(() -> launchAgain(machine)));
      return;
    }
    if (code != 0 && run.restarts == mostRestarts(machine)) {
      log(machine, "error", "not restarted again, after " + Count.of(run.restarts, "restart"));
    }
    var failed = code != 0 && run.restarts > 0 && guesses.is(Guess.GAVE_UP, "failed");
    machine.become(failed ? MachineState.FAILED : MachineState.STOPPED);
    if (machine.config().path("auto_destroy").asBoolean()) {
      workers.run(() -> destroy(machine, true));
    }
  }

  /**
   * The restart policy of the config, applied to an exit code. max_retries is for on-failure only:
   * https://fly.io/docs/machines/guides-examples/machine-restart-policy/.
   */
  private boolean restartsAfter(Machine machine, int code) {
    return switch (machine.config().at("/restart/policy").asText("")) {
      case "always" -> true;
      case "on-failure", "" -> code != 0 && running(machine).restarts < mostRestarts(machine);
      default -> false;
    };
  }

  private static int mostRestarts(Machine machine) {
    return machine.config().at("/restart/max_retries").asInt(10);
  }

  private void launchAgain(Machine machine) {
    synchronized (machine) {
      if (!machine.is(MachineState.STARTING) || running(machine).processes() != null) return;
    }
    launch(machine);
  }

  private void exited(Machine machine, MachineProcesses.End end) {
    var exit = end.exit();
    var how = exit.signal() < 0 ? "with code " + exit.code() : "by signal " + exit.signal();
    var what = end.process() == 0 ? "program" : "process " + end.process();
    log(machine, "info", what + " ended " + how);
    machine.addEvent("exit", MachineState.STOPPED, "flyd", exitEvent(machine, exit));
  }

  private ObjectNode exitEvent(Machine machine, ContainedProcess.Exit exit) {
    var run = running(machine);
    var request = JsonNodes.object().put("restart_count", run.restarts);
    request
        .putObject("exit_event")
        .put("exit_code", exit.code())
        .put("guest_exit_code", exit.code())
        .put("guest_signal", exit.signal())
        .put("signal", exit.signal())
        .put("oom_killed", false)
        .put("requested_stop", run.stopRequested)
        .put("restarting", run.staysUp() && restartsAfter(machine, exit.code()))
        .put("exited_at", clock.now().toString());
    return request;
  }

  private void log(Machine machine, String level, String message) {
    machine.app.logs.add(clock.now(), "runner", level, machine.id, machine.region, message);
  }

  // Stop, suspend, restart

  /**
   * @param signal null for the config's
   * @param timeout null for the config's
   */
  public void stop(Machine machine, String signal, Duration timeout) {
    synchronized (machine) {
      var state = machine.state();
      if (state == MachineState.CREATED && guesses.is(Guess.STOP_CREATED, "412")) {
        throw ApiError.unable("stop", state);
      }
      if (state == MachineState.STOPPED || state == MachineState.STOPPING) return;
      if (!state.isStoppable()) throw ApiError.unable("stop", state);
      running(machine).stopRequested = true;
      machine.become(MachineState.STOPPING, "stop", "user");
    }
    workers.run(
        () -> {
          end(machine, signal, timeout);
          volumes.detachUnmounted(machine);
          synchronized (machine) {
            if (machine.is(MachineState.STOPPING)) {
              machine.become(MachineState.STOPPED, "stop", "flyd");
            }
          }
        });
  }

  /**
   * Ends the program if there is one. A suspended program cannot receive a signal, and is killed.
   */
  private void end(Machine machine, String signal, Duration timeout) {
    var run = running(machine);
    var old = run.processes();
    if (old == null) return;
    var stop = machine.config().path("stop_config");
    old.stop(
        signal == null ? stop.path("signal").asText("SIGINT") : signal,
        timeout == null ? stopTimeout(machine) : timeout);
    synchronized (machine) {
      if (run.processes() != old) return;
      run.gone();
      exited(machine, old.end().join());
    }
  }

  private static Duration stopTimeout(Machine machine) {
    return GoDuration.of(machine.config().at("/stop_config/timeout"), STOP_TIMEOUT);
  }

  public void suspend(Machine machine) {
    synchronized (machine) {
      if (machine.state().isFrozen()) return;
      if (!machine.is(MachineState.STARTED)) throw ApiError.unable("suspend", machine.state());
      if (!machine.suspendable()) {
        if (guesses.is(Guess.SUSPEND_UNFIT, "412")) throw ApiError.notSuspendable();
        stop(machine, null, null);
        return;
      }
      machine.become(MachineState.SUSPENDING, "suspend", "user");
      var run = running(machine);
      run.pauseChecks(true);
      var frozen = run.processes();
      workers.run(
          () -> {
            if (frozen != null) frozen.suspend();
            synchronized (machine) {
              if (machine.is(MachineState.SUSPENDING)) {
                machine.become(MachineState.SUSPENDED, "suspend", "flyd");
              }
            }
          });
    }
  }

  public void restart(Machine machine, String signal, Duration timeout) {
    synchronized (machine) {
      var state = machine.state();
      if (state.isDown() && guesses.is(Guess.RESTART_STOPPED, "start")) {
        start(machine, "user");
        return;
      }
      if (state != MachineState.STARTED) throw ApiError.unable("restart", state);
      running(machine).stopRequested = true;
      machine.become(MachineState.RESTARTING, "restart", "user");
    }
    workers.run(() -> endAndGoOn(machine, MachineState.RESTARTING, signal, timeout, true));
  }

  private void endAndGoOn(
      Machine machine, MachineState from, String signal, Duration timeout, boolean launch) {
    end(machine, signal, timeout);
    volumes.detachUnmounted(machine);
    synchronized (machine) {
      if (!machine.is(from)) return;
      running(machine).forgetCrashes();
      if (launch) machine.become(MachineState.STARTING, "start", "flyd");
      else machine.become(MachineState.STOPPED, "stop", "flyd");
    }
    if (launch) launch(machine);
  }

  // Replace, destroy

  /**
   * Replaces the whole config. A running program is stopped and started again with it.
   *
   * @param skipLaunch leaves the Machine stopped
   */
  public void update(Machine machine, ObjectNode next, String currentVersion, boolean skipLaunch) {
    synchronized (machine.app) {
      synchronized (machine) {
        machine.requireThere();
        if (machine.state().refusesUpdate()) throw ApiError.concurrentUpdate();
        machine.requireVersion(currentVersion);
        volumes.remount(machine, next);
        machine.config(next);
        var ran = machine.state().isUp();
        var frozen = machine.state().isFrozen();
        if (!ran && !frozen) {
          machine.become(machine.state(), "update", "user");
          if (!machine.is(MachineState.STOPPING)) volumes.detachUnmounted(machine);
          return;
        }
        running(machine).stopRequested = true;
        var goesOn = ran && !skipLaunch;
        machine.goesOn(goesOn);
        machine.become(MachineState.REPLACING, "update", "user");
        var signal = frozen ? "SIGKILL" : null; // a suspended program never runs again
        var timeout = frozen ? Duration.ZERO : null;
        workers.run(() -> endAndGoOn(machine, MachineState.REPLACING, signal, timeout, goesOn));
      }
    }
  }

  /** Destroys a Machine that may be destroyed already. */
  void destroyAnyway(Machine machine) {
    synchronized (machine) {
      if (!machine.isDestroyed()) destroy(machine, true);
    }
  }

  /** Destroys a Machine; its volumes are detached and stay. */
  public void destroy(Machine machine, boolean force) {
    synchronized (machine) {
      machine.requireThere();
      if (machine.is(MachineState.DESTROYING)) return;
      if (!force && !machine.state().isDown()) throw ApiError.notDestroyable();
      running(machine).stopRequested = true;
      machine.become(MachineState.DESTROYING, "destroy", "user");
    }
    workers.run(
        () -> {
          end(machine, "SIGKILL", Duration.ZERO);
          retire(machine);
          synchronized (machine) {
            machine.dropLease();
            machine.become(MachineState.DESTROYED, "destroy", "flyd");
          }
        });
  }

  /** Frees the name and the volumes of a Machine that is about to be destroyed. */
  private void retire(Machine machine) {
    synchronized (machine.app) {
      machine.app.names.remove(machine.name, machine);
      volumes.detach(machine);
    }
  }

  /** Kills the program at the sandbox's end. */
  void kill(Machine machine) {
    synchronized (machine) {
      running(machine).stopRequested = true;
      machine.endWithSandbox();
    }
    end(machine, "SIGKILL", Duration.ZERO);
  }
}
