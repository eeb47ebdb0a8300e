//SOURCES ../message/JsonRpcMessage.java
package fly.mcp.wrap;

import fly.mcp.message.JsonRpcMessage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.function.Consumer;

/**
 * What one client is to read, in order: kept until it is read, and some of it longer, for a client
 * whose connection broke. It is bounded: a reader who is slow holds up the program, and where there
 * is no reader, or the program has no time for a slow one, the oldest messages go, and that is
 * told.
 */
final class ReplayStream {
  /** More than fits into the buffers of a connection, where messages are lost with it. */
  private static final long KEPT = Math.min(12 << 20, Runtime.getRuntime().maxMemory() / 8);

  /** So far a reader may be behind without holding up the program. */
  private static final long BEHIND = KEPT / 3;

  /** What a message takes in memory beside its bytes. */
  private static final int OVERHEAD = 200;

  /** How messages look to the reader. */
  enum Format {
    /** The wrap protocol: bare lines. A blank before a line is one that JSON allows. */
    LINES,
    EVENTS
  }

  private record Event(long number, JsonRpcMessage message) {
    long size() {
      return OVERHEAD + message.length();
    }
  }

  private final String name;
  private final long heartbeatMs;
  private final boolean patient;
  private final Consumer<String> log;
  private final ArrayDeque<Event> sent = new ArrayDeque<>();
  private final ArrayDeque<Event> waiting = new ArrayDeque<>();
  private long sentBytes;
  private long waitingBytes;
  private long last;
  private boolean ended;
  private boolean dropped;
  private boolean losing;
  private Object reader;
  private boolean asked;
  private long answers;

  /**
   * @param name stands before the number in an event's id
   * @param heartbeat how long a stream may be silent
   * @param patient whether {@link #add} waits for a reader who is far behind
   * @param log is told, once for each reader who is missed, that messages are lost
   */
  ReplayStream(String name, Duration heartbeat, boolean patient, Consumer<String> log) {
    this.name = name;
    this.heartbeatMs = heartbeat.toMillis();
    this.patient = patient;
    this.log = log;
  }

  /** Takes a message; a reader who is far behind may hold that up. */
  synchronized void add(JsonRpcMessage message) throws InterruptedException {
    while (patient && reader != null && waitingBytes > BEHIND && !ended) wait();
    addAtOnce(message);
  }

  /** Takes a message and waits for nobody. */
  synchronized void addAtOnce(JsonRpcMessage message) {
    var event = new Event(++last, message);
    waiting.add(event);
    waitingBytes += event.size();
    trim();
    notifyAll();
  }

  private void trim() {
    while (sent.size() > 1 && sentBytes > KEPT) {
      var oldest = sent.poll();
      sentBytes -= oldest.size();
      oldest.message().close();
    }
    while (waiting.size() > 1 && waitingBytes > KEPT && !(patient && reader != null)) {
      var first = waiting.poll(); // it may be under way
      var oldest = waiting.poll();
      waiting.addFirst(first);
      waitingBytes -= oldest.size();
      oldest.message().close();
      if (!losing) log.accept("more than " + (KEPT >> 20) + " MiB wait to be read: the oldest go");
      losing = true;
    }
  }

  private void moveToSent() {
    var event = waiting.poll();
    waitingBytes -= event.size();
    sent.add(event);
    sentBytes += event.size();
  }

  private void moveToWaiting() {
    var event = sent.pollLast();
    sentBytes -= event.size();
    waiting.addFirst(event);
    waitingBytes += event.size();
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

  /** Ends, and forgets all; who reads hears the rest before that. */
  synchronized void drop() {
    dropped = true;
    end();
    if (reader == null) clear();
  }

  private void clear() {
    sent.forEach(event -> event.message().close());
    waiting.forEach(event -> event.message().close());
    sent.clear();
    waiting.clear();
  }

  /**
   * Makes the caller the reader.
   *
   * @param resumed whether the caller was the reader before, and lost the connection
   * @return the token for {@link #serve}, or null where there is a reader, who is still there
   */
  synchronized Object take(boolean resumed) throws InterruptedException {
    if (!resumed) awaitSignOfLife();
    if (reader != null && !resumed) return null;
    reader = new Object();
    losing = false;
    notifyAll();
    return reader;
  }

  /**
   * Whether a client is there only writing can tell: its reader is asked to, three times. One that
   * has gone answers the first bytes with a reset, so that the later ones fail.
   */
  private void awaitSignOfLife() throws InterruptedException {
    var enough = answers + 3;
    for (var pause = 0; pause < 25 && reader != null && answers < enough; pause++) {
      asked = true;
      notifyAll();
      var until = System.nanoTime() + 20_000_000;
      while (reader != null && System.nanoTime() < until) wait(5);
    }
  }

  /**
   * Writes what there is and what comes, until the end or until the client has gone.
   *
   * @param after the number of the last event that the client has; -1 for all that it was not sent
   */
  void serve(Object token, OutputStream out, Format format, long after) throws IOException {
    try {
      synchronized (this) {
        while (after >= 0 && !sent.isEmpty() && sent.getLast().number() > after) moveToWaiting();
        while (!waiting.isEmpty() && waiting.peek().number() <= after) moveToSent();
      }
      out.flush();
      while (true) {
        Event next;
        boolean answering;
        synchronized (this) {
          if (reader == token && waiting.isEmpty() && !ended && !asked) wait(heartbeatMs);
          if (reader != token) return;
          next = waiting.peek();
          if (next == null && ended) return;
          answering = asked;
          asked = false;
        }
        if (next == null) heartbeat(out, format);
        else write(next, out, format);
        boolean pause;
        synchronized (this) {
          if (reader != token) return;
          if (next != null && next == waiting.peek()) moveToSent();
          pause = waiting.isEmpty();
          trim();
          notifyAll();
        }
        if (pause || answering) out.flush();
        if (answering) answered();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      synchronized (this) {
        if (reader == token) reader = null;
        if (reader == null && dropped) clear();
        notifyAll();
      }
    }
  }

  private synchronized void answered() {
    answers++;
    notifyAll();
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
  }

  private static void heartbeat(OutputStream out, Format format) throws IOException {
    out.write(bytes(format == Format.EVENTS ? ":\n\n" : " "));
  }

  /** An event without a message, so that a client can resume before the first one. */
  void prime(OutputStream out) throws IOException {
    out.write(bytes("id: " + name + "-0\nretry: 1000\ndata:\n\n"));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
