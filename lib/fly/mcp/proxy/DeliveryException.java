package fly.mcp.proxy;

/** Why a message did not reach the server, or its reply not the client. */
final class DeliveryException extends Exception {
  /** The HTTP status behind it, 0 without one. */
  final int status;

  /** The server has said no, and would say so again. */
  final boolean lasting;

  DeliveryException(String why) {
    this(why, 0, false);
  }

  DeliveryException(String why, int status, boolean lasting) {
    super(why);
    this.status = status;
    this.lasting = lasting;
  }
}
