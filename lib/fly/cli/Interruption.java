package fly.cli;

import java.io.PrintWriter;
import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The one rule for Ctrl-C, SIGTERM and SIGHUP in long commands that create. The first signal stops
 * the running step, and the worker cleans up alone; the second signal ends the process at once.
 */
public final class Interruption implements AutoCloseable {
  /** Time for a create to end, because a create that is cut may have happened. */
  private static final long GRACE_MS = 10_000;

  private static final Map<String, Integer> SIGNALS = Map.of("HUP", 1, "INT", 2, "TERM", 15);

  private final Thread worker = Thread.currentThread();
  private final PrintWriter err;
  private final Supplier<String> left;
  private final Runnable onRequest;
  private final String then;
  private final Map<String, Object> before = new LinkedHashMap<>();
  private boolean creating = true;
  private boolean cleaning;
  private int signal;

  /** Ends a worker that has been interrupted, between two steps. */
  public static final class Requested extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  /**
   * Watches for signals from now on; the calling thread is the worker.
   *
   * @param left the last line for a process that ends without cleaning up
   * @param onRequest runs at the first signal
   */
  public Interruption(PrintWriter err, Supplier<String> left, Runnable onRequest) {
    this(err, left, onRequest, "what was created goes");
  }

  /**
   * @param then the words for what follows the running step
   */
  public Interruption(PrintWriter err, Supplier<String> left, Runnable onRequest, String then) {
    this.then = then;
    this.err = err;
    this.left = left;
    this.onRequest = onRequest;
    for (var name : SIGNALS.keySet()) handle(name, null);
  }

  /** From now on the worker creates nothing, so that a signal interrupts it at once. */
  public synchronized void waits() {
    creating = false;
    if (signal > 0) worker.interrupt();
  }

  public synchronized boolean requested() {
    return signal > 0;
  }

  /** Ends the worker here if a signal came. */
  public void check() {
    if (requested()) throw new Requested();
  }

  /** From now on the worker cleans up, which only a second signal ends. */
  public synchronized void cleans() {
    cleaning = true;
    Thread.interrupted();
  }

  /** The exit code of an interrupted process, such as 130 for Ctrl-C. */
  public synchronized int exitCode() {
    return 128 + signal;
  }

  private void arrived(int number) {
    synchronized (this) {
      if (signal > 0) {
        err.println();
        err.println(left.get());
        err.flush();
        ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
        Runtime.getRuntime().halt(128 + number);
      }
      signal = number;
    }
    err.println();
    err.println(
        cleaning
            ? "Interrupted while it cleans up; Ctrl-C again ends at once ..."
            : "Interrupted: the running step ends, then %s; Ctrl-C again ends at once ..."
                .formatted(then));
    if (cleaning) return;
    onRequest.run();
    var waited = new Thread(this::interrupt, "interruption");
    waited.setDaemon(true);
    waited.start();
  }

  private void interrupt() {
    try {
      for (int ms = 0; ms < GRACE_MS && creating && !cleaning; ms += 50) Thread.sleep(50);
    } catch (InterruptedException e) {
      return;
    }
    synchronized (this) {
      if (!cleaning) worker.interrupt();
    }
  }

  /** By reflection: the compiler warns about sun.misc.Signal, and nothing can silence it. */
  private void handle(String name, Object restored) {
    try {
      var signalClass = Class.forName("sun.misc.Signal");
      var handlerClass = Class.forName("sun.misc.SignalHandler");
      var number = SIGNALS.get(name);
      var ours =
          Proxy.newProxyInstance(
              handlerClass.getClassLoader(),
              new Class<?>[] {handlerClass},
              (proxy, method, arguments) -> {
                if (method.getName().equals("handle")) arrived(number);
                return null;
              });
      var previous =
          signalClass
              .getMethod("handle", signalClass, handlerClass)
              .invoke(
                  null,
                  signalClass.getConstructor(String.class).newInstance(name),
                  restored == null ? ours : restored);
      if (restored == null) before.put(name, previous);
    } catch (ReflectiveOperationException e) {
      // a JVM with -Xrs, or a system without this signal: the process just ends
    }
  }

  /** Signals have their usual effect again. */
  @Override
  public void close() {
    before.forEach(this::handle);
  }
}
