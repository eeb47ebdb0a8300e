//SOURCES ../model/Clock.java MachineLifecycle.java Organization.java VolumeService.java ../store/Journal.java
package fly.sandbox.service;

import fly.sandbox.model.Clock;
import fly.sandbox.store.Journal;
import java.time.Duration;
import java.util.List;

/** Removes destroyed Machines, deleted volumes and old snapshots when their time is over. */
public final class Expiry {
  /** Time that destroyed Machines stay listed (Fly.io: "for a while"). */
  private static final Duration DESTROYED = Duration.ofHours(1);

  private static final Duration INTERVAL = Duration.ofHours(1);

  private final Clock clock;
  private final Organization organization;
  private final MachineLifecycle lifecycle;
  private final VolumeService volumes;
  private final Journal journal;

  public Expiry(
      Clock clock,
      Organization organization,
      MachineLifecycle lifecycle,
      VolumeService volumes,
      Journal journal) {
    this.clock = clock;
    this.organization = organization;
    this.lifecycle = lifecycle;
    this.volumes = volumes;
    this.journal = journal;
  }

  public void start() {
    clock.later(INTERVAL, this::expire);
  }

  private void expire() {
    start();
    for (var app : organization.apps()) {
      for (var machine : List.copyOf(app.machines.values())) {
        if (!machine.destroyedBefore(clock.now().minus(DESTROYED))) continue;
        app.machines.remove(machine.id);
        lifecycle.forget(machine);
        journal.changed(machine);
      }
      volumes.expire(app);
    }
  }
}
