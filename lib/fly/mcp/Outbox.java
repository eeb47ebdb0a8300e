//SOURCES Message.java
package fly.mcp;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;

/**
 * What one client is to read, in order: kept until it is read, and some of it longer, for a client
 * whose connection broke. It is bounded: a reader who is slow holds up the program, and where there
 * is no reader the oldest messages go.
 */
final class Outbox {
  private static final int MOST_EVENTS = 1000;
  private static final long MOST_BYTES = 4 << 20;

  /** How messages look to the reader. */
  enum Format {
    /** The wrap protocol: bare lines. A blank before a line is one that JSON allows. */
    LINES,
    EVENTS
  }

  private record Event(long number, Message message) {}

  private final String name;
  private final long heartbeatMs;
  private final ArrayDeque<Event> events = new ArrayDeque<>();
  private long bytes;
  private long last;
  private long sent;
  private boolean ended;
  private Object reader;
  private boolean asked;

  /**
   * @param name stands before the number in an event's id
   * @param heartbeat how long a stream may be silent
   */
  Outbox(String name, Duration heartbeat) {
    this.name = name;
    this.heartbeatMs = heartbeat.toMillis();
  }

  /** Takes a message; waits while there is a reader who is far behind. */
  synchronized void add(Message message) throws InterruptedException {
    while (reader != null && last > sent && full(message)) wait();
    events.add(new Event(++last, message));
    bytes += message.length();
    trim();
    notifyAll();
  }

  private boolean full(Message next) {
    var unsent = events.stream().filter(event -> event.number() > sent).toList();
    var size = unsent.stream().mapToLong(event -> event.message().length()).sum();
    return unsent.size() >= MOST_EVENTS || size + next.length() > MOST_BYTES;
  }

  /** The newest message stays, whatever its size. */
  private void trim() {
    while (events.size() > 1 && (events.size() > MOST_EVENTS || bytes > MOST_BYTES)) {
      if (reader != null && events.peek().number() > sent) return;
      var oldest = events.poll();
      bytes -= oldest.message().length();
      oldest.message().close();
    }
  }

  /** No message comes any more. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  synchronized boolean ended() {
    return ended;
  }

  synchronized boolean read() {
    return reader != null;
  }

  /** Forgets all, and ends. */
  synchronized void drop() {
    end();
    events.forEach(event -> event.message().close());
    events.clear();
  }

  /**
   * Makes the caller the reader.
   *
   * @param resumed whether the caller was the reader before, and lost the connection
   * @return the token for {@link #serve}, or null where there is a reader, who is still there
   */
  synchronized Object take(boolean resumed) throws InterruptedException {
    // Whether a client is there only writing can tell: the reader is asked to. One that has gone
    // answers the first heartbeat with a reset, so that the next one fails.
    for (var i = 0; i < 3 && reader != null && !resumed; i++) {
      asked = true;
      notifyAll();
      wait(20);
    }
    if (reader != null && !resumed) return null;
    reader = new Object();
    notifyAll();
    return reader;
  }

  /**
   * Writes what there is and what comes, until the end or until the client has gone.
   *
   * @param after the number of the last event that the client has; -1 for all that it was not sent
   */
  void serve(Object token, OutputStream out, Format format, long after) throws IOException {
    try {
      synchronized (this) {
        if (after >= 0) sent = after;
      }
      out.flush();
      while (true) {
        Event next;
        synchronized (this) {
          next = next();
          if (next == null && !ended && !asked && reader == token) {
            wait(heartbeatMs);
            next = next();
          }
          if (reader != token) return;
          if (next == null && ended) return;
          asked = false;
        }
        if (next == null) heartbeat(out, format);
        else write(next, out, format);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      synchronized (this) {
        if (reader == token) reader = null;
        notifyAll();
      }
    }
  }

  private Event next() {
    for (var event : events) if (event.number() > sent) return event;
    return null;
  }

  private void write(Event event, OutputStream out, Format format) throws IOException {
    if (format == Format.EVENTS) {
      out.write(bytes("id: " + name + "-" + event.number() + "\ndata: "));
      event.message().writeTo(out);
      out.write(bytes("\n\n"));
    } else {
      event.message().writeTo(out);
      out.write('\n');
    }
    boolean more;
    synchronized (this) {
      more = last > event.number();
    }
    if (!more) out.flush();
    synchronized (this) {
      sent = Math.max(sent, event.number());
      trim();
      notifyAll();
    }
  }

  private static void heartbeat(OutputStream out, Format format) throws IOException {
    out.write(bytes(format == Format.EVENTS ? ":\n\n" : " "));
    out.flush();
  }

  /** An event without a message, so that a client can resume before the first one. */
  void prime(OutputStream out) throws IOException {
    out.write(bytes("id: " + name + "-0\nretry: 1000\ndata:\n\n"));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
