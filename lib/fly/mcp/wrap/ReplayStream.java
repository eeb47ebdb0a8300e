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
 * Messages for one client, in order. Each is kept until it is read, and some longer, for a client
 * whose connection broke. Bounded: a slow reader blocks the program. Without a reader, or if the
 * program may not wait, the oldest messages are dropped, and that is logged.
 */
final class ReplayStream {
  /** Bytes kept: more than the buffers of a broken connection lose. */
  private static final long KEPT = Math.min(12 << 20, Runtime.getRuntime().maxMemory() / 8);

  /** Bytes that a reader may be behind before the program has to wait. */
  private static final long BEHIND = KEPT / 3;

  /** Memory of a message beside its bytes. */
  private static final int OVERHEAD = 200;

  /** Representation of messages on the wire. */
  enum Format {
    /** The wrap protocol: bare lines. JSON allows the heartbeat, a blank before a line. */
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
   * @param name prefix of event ids
   * @param heartbeat longest silence
   * @param patient true if {@link #add} waits for a reader that is far behind
   * @param log takes a line when messages are dropped, once per missing reader
   */
  ReplayStream(String name, Duration heartbeat, boolean patient, Consumer<String> log) {
    this.name = name;
    this.heartbeatMs = heartbeat.toMillis();
    this.patient = patient;
    this.log = log;
  }

  /** Adds a message; blocks while the reader is far behind. */
  synchronized void add(JsonRpcMessage message) throws InterruptedException {
    while (patient && reader != null && waitingBytes > BEHIND && !ended) wait();
    addAtOnce(message);
  }

  /** Adds a message without waiting. */
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
      var first = waiting.poll(); // a write of it may have begun
      var oldest = waiting.poll();
      waiting.addFirst(first);
      waitingBytes -= oldest.size();
      oldest.message().close();
      if (!losing)
        log.accept(
            "more than " + (KEPT >> 20) + " MiB wait to be read: the oldest messages are dropped");
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

  /** Marks the end: no message follows. */
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

  /** Ends the stream and drops all messages; a reader still gets the rest first. */
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
   * @param resumed true if the caller was the reader before and lost its connection
   * @return token for {@link #serve}; null if another reader is connected
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
   * Waits until the present reader has written three times, or has failed to. Only writing shows
   * that a client has disconnected: the first bytes cause a reset, and later ones fail.
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
   * Writes kept and new messages until the end, or until the client disconnects.
   *
   * @param after number of the last event that the client has; -1 for all that were not sent
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

  /** Writes an event without a message, so that a client can resume before the first message. */
  void prime(OutputStream out) throws IOException {
    out.write(bytes("id: " + name + "-0\nretry: 1000\ndata:\n\n"));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
