//SOURCES ../../Network.java
package fly.mcp.proxy;

import fly.Network;
import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import javax.net.ssl.SSLException;

/** Failures of HTTP requests, in words for people. */
public final class HttpErrors {
  private HttpErrors() {}

  /** Nothing was sent: the same request may be tried again. */
  static final class NotSent extends IOException {
    private static final long serialVersionUID = 1;

    /** True if waiting will not help: a certificate, a wrong protocol, a proxy that refuses. */
    final boolean lasting;

    /** The next step for people; empty for the usual one. */
    final String tryNext;

    NotSent(URI target, IOException cause) {
      super(reason(cause), cause);
      if (cause instanceof Network.ProxyFailure proxy) {
        lasting = !proxy.passing();
        tryNext = proxy.explained(target.toString()).tryNext;
      } else {
        lasting = cause instanceof SSLException && !cut(cause);
        tryNext = lasting ? Network.SYSTEM.tlsFailure(shown(target), cause).tryNext : "";
      }
    }

    NotSent(String why) {
      super(why);
      lasting = true;
      tryNext = "";
    }

    private static boolean cut(Throwable e) {
      return e instanceof EOFException
          || e instanceof SocketException
          || e.getCause() != null && cut(e.getCause());
    }
  }

  /** An address for people, without the parts that may be secret. */
  public static String shown(URI uri) {
    return uri.getScheme()
        + "://"
        + uri.getRawAuthority().replaceFirst(".*@", "")
        + uri.getRawPath();
  }

  /** The reason why there was no answer, in words. */
  public static String reason(IOException e) {
    if (e instanceof UnknownHostException) return e.getMessage();
    if (e instanceof SocketTimeoutException) return "no answer in time";
    if (e instanceof ConnectException && String.valueOf(e.getMessage()).contains("refused")) {
      return "connection refused";
    }
    if (e instanceof ConnectException && e.getMessage() == null) return "no connection";
    if (e instanceof SSLException) return "TLS: " + Network.SYSTEM.tlsReason(e);
    if (e instanceof SocketException && String.valueOf(e.getMessage()).contains("reset")
        || e instanceof EOFException) {
      return "the connection was cut";
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }
}
