//SOURCES ../Fly.java ../FlyException.java ../cli/Hint.java
package fly.shell;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Hint;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import jdk.jshell.execution.DirectExecutionControl;
import jdk.jshell.spi.ExecutionControl;
import jdk.jshell.spi.ExecutionControlProvider;
import jdk.jshell.spi.ExecutionEnv;

/**
 * Runs snippets in this JVM, so that they share its class path, stdin and exit code.
 *
 * <p>JShell's own local execution rewrites snippets on JDK 25 and fails on some class hierarchies
 * there (JDK-8366926); this class loads them unchanged. Ctrl-C interrupts the running snippet. A
 * snippet that ignores the interrupt continues in the background, because newer JDKs cannot stop a
 * thread.
 */
public final class InProcess extends DirectExecutionControl {
  private volatile FutureTask<Object> running;
  private Object value;
  private Throwable thrown;

  /** Found by the JShell tool through {@code META-INF/services}. */
  public static final class Provider implements ExecutionControlProvider {
    static final String NAME = "fly";

    @Override
    public String name() {
      return NAME;
    }

    @Override
    public ExecutionControl generate(ExecutionEnv env, Map<String, String> parameters) {
      return new InProcess();
    }
  }

  /** The value of the last snippet; null if it had none. */
  Object value() {
    return value;
  }

  /** The exception that ended the last snippet; null if none did. */
  Throwable thrown() {
    return thrown;
  }

  @Override
  protected String invoke(Method snippet) throws Exception {
    value = null;
    thrown = null;
    var task = new FutureTask<Object>(() -> snippet.invoke(null));
    running = task;
    var thread = new Thread(task, "snippet");
    thread.setDaemon(true);
    thread.start();
    try {
      value = task.get();
      return value instanceof JsonNode json ? Fly.pretty(json) : valueString(value);
    } catch (CancellationException e) {
      throw new StoppedException();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof InvocationTargetException thrown ? thrown : e;
    } finally {
      running = null;
    }
  }

  @Override
  public void stop() {
    var task = running;
    if (task != null) task.cancel(true);
  }

  @Override
  protected String throwConvertedInvocationException(Throwable cause)
      throws RunException, InternalException {
    thrown = cause;
    if (!(cause instanceof FlyException e)) return super.throwConvertedInvocationException(cause);
    throw new UserException(text(e), "FlyException", new StackTraceElement[0]);
  }

  private static String text(FlyException e) {
    var text = new StringBuilder(e.what);
    if (!e.why.isEmpty()) text.append("\n  why: ").append(e.why);
    if (!e.tryNext.isEmpty()) text.append("\n  try: ").append(Hint.render(e.tryNext));
    return text.toString();
  }
}
