//SOURCES HttpErrors.java
package fly.mcp.proxy;

/** Why a message did not reach the server, or its reply not the client. */
final class DeliveryException extends Exception {
  /** The HTTP status behind it, 0 without one. */
  final int status;

  /** The server has said no, and would say so again. */
  final boolean lasting;

  /** The next step for people; empty if there is none but the usual. */
  final String tryNext;

  DeliveryException(String why) {
    this(why, 0, false);
  }

  DeliveryException(String why, int status, boolean lasting) {
    super(why);
    this.status = status;
    this.lasting = lasting;
    this.tryNext = "";
  }

  /** The request cannot be sent, now or later. */
  DeliveryException(String why, HttpErrors.NotSent cause) {
    super(why, cause);
    this.status = 0;
    this.lasting = true;
    this.tryNext = cause.tryNext;
  }
}
