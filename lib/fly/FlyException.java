//DEPS com.fasterxml.jackson.core:jackson-databind:2.23.0
package fly;

import java.net.ConnectException;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;

/** A failure that its reader can act on: what happened, why, and what to try next. */
public final class FlyException extends RuntimeException {
  /** Fly.io or the network refused. */
  public static final int REFUSED = 1;

  /** Wrong command line, missing or wrong setting. */
  public static final int USAGE = 2;

  /** The token was not accepted. */
  public static final int TOKEN = 4;

  /** The request may have taken effect: something may exist that nobody has seen. */
  public static final int AMBIGUOUS = 5;

  /** The failure, in one line. */
  public final String what;

  public final String why;

  /** The next command, by its bare alias, or step; may be empty. */
  public final String tryNext;

  public final int exitCode;

  /** The HTTP status behind it; 0 without one, {@link #UNANSWERED} if the answer never came. */
  public final int status;

  /** The request was sent, and no whole answer came back. */
  static final int UNANSWERED = -1;

  public FlyException(String what, String why, String tryNext) {
    this(what, why, tryNext, REFUSED);
  }

  public FlyException(String what, String why, String tryNext, int exitCode) {
    this(what, why, tryNext, exitCode, 0);
  }

  public FlyException(String what, String why, String tryNext, int exitCode, int status) {
    super(what);
    this.what = what;
    this.why = why;
    this.tryNext = tryNext;
    this.exitCode = exitCode;
    this.status = status;
  }

  /** All three lines: plain JShell shows a failure's message only. */
  @Override
  public String getMessage() {
    return what
        + (why.isEmpty() ? "" : "\n  why: " + why)
        + (tryNext.isEmpty() ? "" : "\n  try: " + tryNext);
  }

  @Override
  public String toString() {
    return "error: " + getMessage();
  }

  public static FlyException usage(String what, String why, String tryNext) {
    return new FlyException(what, why, tryNext, USAGE);
  }

  /** The reason of a connection that failed, or of a file that cannot be used, in words. */
  public static String reason(Throwable failure) {
    var reason = failure.getClass().getSimpleName();
    for (var cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof NoSuchFileException) return "there is no such file";
      if (cause instanceof FileAlreadyExistsException) return "a file is in its place";
      if (cause instanceof AccessDeniedException) return "you have no access";
      if (cause instanceof HttpTimeoutException) return "no answer in time";
      if (cause instanceof ConnectException && cause.getMessage() == null) {
        return hasCause(cause, UnresolvedAddressException.class)
            ? "no such host"
            : "connection refused";
      }
      if (cause.getMessage() != null) reason = cause.getMessage();
    }
    return reason;
  }

  private static boolean hasCause(Throwable failure, Class<?> type) {
    for (var cause = failure; cause != null; cause = cause.getCause()) {
      if (type.isInstance(cause)) return true;
    }
    return false;
  }
}
