//SOURCES Terminal.java TerminalWriter.java
package fly.cli;

import java.io.PrintWriter;

/**
 * Progress of an operation over many things: a bar on a terminal, else a plain line for each tenth.
 *
 * <pre>{@code
 * try (var progress = cli.progress("Starting 100 Machines", 100)) {
 *   for (var machine : machines) { start(machine); progress.step(); }
 * }
 * }</pre>
 */
public final class Progress implements AutoCloseable {
  private static final int BAR = 24;

  private final PrintWriter err;
  private final boolean quiet;
  private final String what;
  private final int total;
  private int done;

  Progress(PrintWriter err, boolean quiet, String what, int total) {
    this.err = err;
    this.quiet = quiet;
    this.what = what;
    this.total = Math.max(1, total);
    if (!show()) say(what + " ...");
  }

  /** Counts one more as done. Several threads may call it at once. */
  public synchronized void step() {
    done++;
    if (show() || done * 10 / total == (done - 1) * 10 / total) return;
    say("  %d of %d".formatted(done, total));
  }

  /** Shows the bar; returns false without a terminal that can show it. */
  private boolean show() {
    if (quiet || !(err instanceof TerminalWriter terminal) || !Terminal.movable()) return quiet;
    var full = Math.min(BAR, BAR * done / total);
    terminal.status(
        "%s [%s%s] %d of %d"
            .formatted(what, "#".repeat(full), ".".repeat(BAR - full), done, total));
    return true;
  }

  private void say(String line) {
    if (!quiet) err.println(line);
  }

  /** Removes the bar. */
  @Override
  public synchronized void close() {
    if (err instanceof TerminalWriter terminal) terminal.idle();
  }
}
