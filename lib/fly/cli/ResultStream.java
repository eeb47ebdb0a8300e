package fly.cli;

import java.io.IOException;
import java.io.OutputStream;

/** A standard stream that remembers the first write that failed; a PrintWriter forgets it. */
final class ResultStream extends OutputStream {
  private final OutputStream out;
  private volatile IOException failure;

  ResultStream(OutputStream out) {
    this.out = out;
  }

  /** The reason for which the result is not whole; null if it is, or if its reader has left. */
  String lost() {
    if (failure == null) return null;
    var reason = String.valueOf(failure.getMessage());
    return reason.contains("roken pipe") ? null : reason;
  }

  @Override
  public void write(int octet) throws IOException {
    write(new byte[] {(byte) octet}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int start, int length) throws IOException {
    try {
      out.write(bytes, start, length);
    } catch (IOException e) {
      if (failure == null) failure = e;
      throw e;
    }
  }
}
