package fly.mcp.proxy;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.util.concurrent.TimeUnit;

/**
 * An endless stream that notices its server's heartbeats: blanks or empty comments while there is
 * nothing to send. Three missing ones show that the connection died without a sign, for example
 * during a laptop's sleep.
 */
final class HeartbeatStream extends FilterInputStream {
  private static final int MISSED = 3;

  /** Delays on the way, beside the heartbeat's own interval. */
  private static final long SLACK_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Parts of one piece of the stream arrive closer together. */
  private static final long APART_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** The connection is dead, although no side has closed it. */
  static final class Silent extends IOException {
    private static final long serialVersionUID = 1;

    Silent(String why) {
      super(why);
    }
  }

  private final Runnable close;
  private volatile long last = System.nanoTime();

  /** Longest time between two heartbeats in a row; 0 before the second. */
  private volatile long interval;

  private volatile Silent suspicion;
  private boolean lastWasHeartbeat;

  /**
   * @param close closes the connection, even while a thread reads from it
   */
  HeartbeatStream(InputStream in, Runnable close) {
    super(in);
    this.close = close;
  }

  /** Milliseconds that the next byte may take; 0 for ever. */
  int limitMs() {
    var limit = interval == 0 ? 0 : MISSED * interval + SLACK_NANOS;
    return (int) Math.min(TimeUnit.NANOSECONDS.toMillis(limit), Integer.MAX_VALUE);
  }

  @Override
  public int read(byte[] target, int start, int count) throws IOException {
    int length;
    try {
      length = super.read(target, start, count);
    } catch (SocketTimeoutException e) {
      throw new Silent("three heartbeats did not come");
    } catch (IOException e) {
      throw suspicion == null ? e : suspicion;
    }
    if (length > 0) note(isHeartbeat(target, start, length));
    return length;
  }

  private void note(boolean heartbeat) {
    var now = System.nanoTime();
    var gap = now - last;
    if (heartbeat && lastWasHeartbeat && gap > APART_NANOS) interval = Math.max(interval, gap);
    lastWasHeartbeat = heartbeat;
    last = now;
  }

  private static boolean isHeartbeat(byte[] bytes, int start, int length) {
    for (var i = start; i < start + length; i++) {
      if (bytes[i] != ' ' && bytes[i] != ':' && bytes[i] != '\n' && bytes[i] != '\r') return false;
    }
    return true;
  }

  /**
   * Closes the connection if nothing has come since this time: System.nanoTime.
   *
   * @return false if something has
   */
  boolean suspect(long since, String why) {
    if (last - since > 0) return false;
    suspicion = new Silent(why);
    close.run();
    return true;
  }
}
