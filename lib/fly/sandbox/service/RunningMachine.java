//SOURCES ../model/ApiError.java ../model/Clock.java ../model/JsonNodes.java ../model/Machine.java
//SOURCES ../model/MachineState.java ../runtime/ContainedProcess.java ../runtime/HealthChecks.java
//SOURCES ../runtime/MachineProcesses.java
package fly.sandbox.service;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Clock;
import fly.sandbox.model.JsonNodes;
import fly.sandbox.model.Machine;
import fly.sandbox.model.MachineState;
import fly.sandbox.runtime.ContainedProcess;
import fly.sandbox.runtime.HealthChecks;
import fly.sandbox.runtime.MachineProcesses;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The programs of a Machine from one start to the next, with its health checks and restarts. The
 * Machine's monitor guards it.
 */
public final class RunningMachine {
  /** Uptime after which a program has started; a program that ends sooner has not. */
  private static final Duration SETTLED = Duration.ofMillis(300);

  /** Uptime below which the crash before is still reported. */
  private static final Duration YOUNG = Duration.ofSeconds(5);

  private final Machine machine;
  private final Clock clock;
  private MachineProcesses processes;
  private HealthChecks checks;
  private Instant startedAt;
  private String lastCrash;
  int restarts;
  boolean stopRequested;

  RunningMachine(Machine machine, Clock clock) {
    this.machine = machine;
    this.clock = clock;
  }

  /** Takes the programs that have been launched; null for a Machine that is state only. */
  void began(MachineProcesses launched, HealthChecks health) {
    stopRequested = false;
    startedAt = clock.now();
    processes = launched;
    checks = health;
    machine.checks(health == null ? null : health::json);
  }

  void gone() {
    processes = null;
    if (checks != null) checks.end();
    checks = null;
    machine.checks(null);
  }

  void crashed(String why) {
    lastCrash = why;
  }

  /** Drops earlier crashes, for a start by a client or the proxy. */
  void forgetCrashes() {
    restarts = 0;
    lastCrash = null;
  }

  void pauseChecks(boolean on) {
    if (checks != null) checks.pause(on);
  }

  MachineProcesses processes() {
    synchronized (machine) {
      return processes;
    }
  }

  /** True if the Machine is meant to run, even if its program has ended. */
  boolean staysUp() {
    return !stopRequested && machine.state().isUp();
  }

  /** No check of its services keeps requests from it. */
  public boolean healthy() {
    synchronized (machine) {
      return checks == null || checks.route();
    }
  }

  /** The reason why the program ended, with its last lines on stderr. */
  public String lastWords() {
    synchronized (machine) {
      return lastCrash == null ? "it is " + machine.state() : lastCrash;
    }
  }

  /**
   * A started Machine as the edge sees it.
   *
   * @param processes null for a Machine that is state only, or is down
   * @param crash the reason of the last crash if it is recent; else null
   */
  public record Front(MachineProcesses processes, String crash, Duration up) {}

  public Front front() {
    synchronized (machine) {
      var up = startedAt == null ? Duration.ZERO : Duration.between(startedAt, clock.now());
      var young = up.compareTo(YOUNG) < 0;
      var crashed = lastCrash != null && (processes == null || young);
      return new Front(processes, crashed ? lastWords() : null, up);
    }
  }

  /** Returns once the program has lived long enough, or has ended. */
  public void settle() {
    var deadline = System.nanoTime() + SETTLED.toNanos();
    while (System.nanoTime() < deadline) {
      var front = front();
      if (front.processes() == null || front.up().compareTo(SETTLED) >= 0) return;
      try {
        TimeUnit.MILLISECONDS.sleep(20);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private MachineProcesses requireRunning() {
    synchronized (machine) {
      machine.requireThere();
      if (!machine.is(MachineState.STARTED)) throw ApiError.notRunning();
      return processes;
    }
  }

  public void signal(String name) {
    var running = requireRunning();
    if (running != null) running.signal(name);
  }

  /** The processes; empty for a Machine that is state only. */
  public List<ProcessHandle> handles() {
    var running = requireRunning();
    return running == null ? List.of() : running.processes();
  }

  public JsonNode exec(List<String> command, String stdin, Duration timeout) {
    var running = requireRunning();
    if (running == null) throw ApiError.stateOnly();
    try {
      return json(running.main().exec(command, stdin, timeout));
    } catch (TimeoutException e) {
      throw ApiError.execTooLong();
    } catch (IOException e) {
      throw ApiError.execFailed(e.getMessage());
    }
  }

  private static ObjectNode json(ContainedProcess.Ran ran) {
    return JsonNodes.object()
        .put("exit_code", ran.exit().code())
        .put("exit_signal", Math.max(0, ran.exit().signal()))
        .put("stdout", ran.stdout())
        .put("stderr", ran.stderr());
  }
}
