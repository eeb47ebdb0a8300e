//SOURCES HttpErrors.java
package fly.mcp.proxy;

/** The reason why a message did not reach the server, or its reply the client. */
final class DeliveryException extends Exception {
  /** The HTTP status behind it, 0 without one. */
  final int status;

  /** True if the server refused, and would refuse again. */
  final boolean lasting;

  /** The next step for people; empty for the usual one. */
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
