package fly.sandbox.model;

import java.util.Locale;

/** The states of a Machine, with what each allows. */
public enum MachineState {
  CREATED(Kind.DOWN),
  STARTING(Kind.UP),
  STARTED(Kind.UP),
  STOPPING(Kind.PASSING),
  STOPPED(Kind.DOWN),
  SUSPENDING(Kind.PASSING),
  SUSPENDED(Kind.DOWN),
  REPLACING(Kind.PASSING),
  RESTARTING(Kind.PASSING),
  FAILED(Kind.DOWN),
  DESTROYING(Kind.PASSING),
  DESTROYED(Kind.GONE);

  private enum Kind {
    UP,
    DOWN,
    PASSING,
    GONE
  }

  private final Kind kind;
  private final String json = name().toLowerCase(Locale.ROOT);

  MachineState(Kind kind) {
    this.kind = kind;
  }

  public static MachineState of(String text) {
    return valueOf(text.toUpperCase(Locale.ROOT));
  }

  /** A program runs or is about to: a crash restarts it, an update replaces it. */
  public boolean isUp() {
    return kind == Kind.UP;
  }

  /** No program runs; the Machine can be started, and destroyed without force. */
  public boolean isDown() {
    return kind == Kind.DOWN;
  }

  public boolean isFrozen() {
    return this == SUSPENDED || this == SUSPENDING;
  }

  /** The state lasts until a request or a program's end changes it. */
  public boolean isSettled() {
    return this == STARTED || kind == Kind.DOWN || kind == Kind.GONE;
  }

  /** An update has to wait until the state is over. */
  public boolean refusesUpdate() {
    return this == REPLACING || this == RESTARTING || this == DESTROYING;
  }

  public boolean isStoppable() {
    return isUp() || isDown() && this != STOPPED;
  }

  /** The state that a Machine with this record has after a restart of the sandbox. */
  public MachineState afterRestart() {
    return switch (this) {
      case CREATED, FAILED -> this;
      case DESTROYING, DESTROYED -> DESTROYED;
      default -> STOPPED; // a suspended Machine too: its memory is lost
    };
  }

  /** The name in JSON. */
  @Override
  public String toString() {
    return json;
  }
}
