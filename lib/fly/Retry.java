//SOURCES Network.java Wire.java
package fly;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import javax.net.ssl.SSLException;

/**
 * The rule which request is sent again after which failure: the table of docs/failures.md. A create
 * is not in it. It is sent once, and {@link Ensure} looks for its result.
 */
final class Retry {
  /** Kinds of requests. */
  enum Kind {
    /** A read, or an action that leads to the same state however often it is sent. */
    FREELY,
    /** A wait for a state: its 408 is an answer. */
    WAIT,
    /** A request that may cost money if it happens twice. */
    ONCE
  }

  /** Kinds of failures. */
  enum Failure {
    /** No server: connection refused, no such host. Nothing was sent. */
    UNREACHED,
    /** The TLS handshake failed. Nothing was sent. */
    TLS,
    /** A proxy refused to connect, and would refuse again. Nothing was sent. */
    PROXY,
    /** The request was sent; its answer was cut, or did not arrive. */
    CUT,
    /** The answer is whole, and not in the declared shape. */
    UNREADABLE,
    /** 429: Fly.io refused the request before it did anything. */
    LIMITED,
    /** 408, most of 5xx, and a status that HTTP does not know. */
    TROUBLE,
    /** Any other status: nothing was done. */
    REFUSED
  }

  private static final int TRIES = 6;
  private static final int TRIES_OF_THE_UNREADABLE = 3;

  private Retry() {}

  static Failure of(int status) {
    return switch (status) {
      case 429 -> Failure.LIMITED;
      case 303 -> Failure.UNREADABLE; // done, and its answer is elsewhere
      case 501, 505, 507, 511 -> Failure.REFUSED;
      case 408, 499 -> Failure.TROUBLE; // 499: a server on the way gave up
      default -> status < 200 || status >= 500 ? Failure.TROUBLE : Failure.REFUSED;
    };
  }

  /** The failure of a request without a whole answer. */
  static Failure of(Throwable e) {
    var sent = true;
    for (var cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof Wire.NotSent) sent = false;
      if (cause instanceof Network.ProxyFailure proxy) {
        return proxy.passing() ? Failure.UNREACHED : Failure.PROXY;
      }
      if (cause instanceof SSLException && !sent) return Failure.TLS;
    }
    return sent ? Failure.CUT : Failure.UNREACHED;
  }

  /**
   * @param tries so far
   */
  static boolean again(Kind kind, Failure failure, int status, int tries, boolean loopback) {
    return switch (failure) {
      case LIMITED -> true;
      case UNREACHED -> !loopback && tries < TRIES_OF_THE_UNREADABLE;
      case CUT -> kind != Kind.ONCE && tries < TRIES;
      case UNREADABLE -> kind != Kind.ONCE && tries < TRIES_OF_THE_UNREADABLE;
      case TROUBLE -> kind != Kind.ONCE && !(kind == Kind.WAIT && status == 408) && tries < TRIES;
      case TLS, PROXY, REFUSED -> false;
    };
  }

  /** True if the request may have taken effect. */
  static boolean ambiguous(Failure failure) {
    return failure == Failure.CUT || failure == Failure.UNREADABLE || failure == Failure.TROUBLE;
  }

  /** 0.5 s, 1 s, 2 s ... 10 s, each somewhere between half and whole. */
  static Duration backoff(int tries) {
    var longest = Math.min(10_000L, 500L << Math.min(10, tries - 1));
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(longest / 2, longest + 1));
  }
}
