package fly.mcp;

/** Why a message did not reach the server, or its reply not the client. */
final class Failure extends Exception {
  /** The HTTP status behind it, 0 without one. */
  final int status;

  /** The server has said no, and would say so again. */
  final boolean lasting;

  Failure(String why) {
    this(why, 0, false);
  }

  Failure(String why, int status, boolean lasting) {
    super(why);
    this.status = status;
    this.lasting = lasting;
  }
}
