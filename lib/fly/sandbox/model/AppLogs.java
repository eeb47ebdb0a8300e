package fly.sandbox.model;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** The newest log lines of an app's Machines. */
public final class AppLogs {
  /**
   * @param id nanoseconds since 1970, unique in the app and ascending
   * @param provider the source: app (a program), runner (starts and ends), health (checks) or proxy
   * @param level info or error
   * @param instance the Machine's id
   * @param process the number of the process; 0 if the Machine has only one
   */
  public record Line(
      long id,
      String provider,
      String level,
      String instance,
      String region,
      int process,
      String message) {
    public Instant at() {
      return Instant.ofEpochSecond(id / SECOND, id % SECOND);
    }
  }

  private static final long SECOND = 1_000_000_000;
  private static final int PROGRAM_LINES = 200;
  private static final int MOST_LINES = 10_000;
  private static final int MOST_CHARACTERS = 4_000_000;

  /** Characters; a longer line becomes several lines. */
  static final int LONGEST_LINE = 8192;

  private final Deque<Line> lines = new ArrayDeque<>();
  private long characters;
  private long last;

  public synchronized void add(
      Instant now, String provider, String level, String instance, String region, String message) {
    add(now, provider, level, instance, region, 0, message);
  }

  public synchronized void add(
      Instant now,
      String provider,
      String level,
      String instance,
      String region,
      int process,
      String message) {
    last = Math.max(last + 1, now.getEpochSecond() * SECOND + now.getNano());
    lines.addLast(new Line(last, provider, level, instance, region, process, message));
    characters += message.length();
    while (lines.size() > MOST_LINES || characters > MOST_CHARACTERS) {
      characters -= lines.removeFirst().message().length();
    }
  }

  /** The newest lines that match, up to a number, oldest first. */
  public synchronized List<Line> newest(int most, Predicate<Line> wanted) {
    var found = new ArrayDeque<Line>();
    for (var all = lines.descendingIterator(); all.hasNext() && found.size() < most; ) {
      var line = all.next();
      if (wanted.test(line)) found.addFirst(line);
    }
    return List.copyOf(found);
  }

  /** The newest lines of a Machine's program, oldest first. */
  public List<String> ofProgram(String instance) {
    return newest(
            PROGRAM_LINES,
            line -> line.instance().equals(instance) && line.provider().equals("app"))
        .stream()
        .map(Line::message)
        .toList();
  }

  /** The matching lines after an id, up to a number, oldest first. */
  public synchronized List<Line> after(long id, int most, Predicate<Line> wanted) {
    var newer = new ArrayDeque<Line>();
    for (var all = lines.descendingIterator(); all.hasNext(); ) {
      var line = all.next();
      if (line.id() <= id) break;
      if (wanted.test(line)) newer.addFirst(line);
    }
    var found = new ArrayList<Line>();
    while (found.size() < most && !newer.isEmpty()) found.add(newer.removeFirst());
    return found;
  }

  /** The id of the newest line; 0 before the first. */
  public synchronized long last() {
    return last;
  }

  /** Reads lines to the stream's end, none longer than {@link #LONGEST_LINE}. */
  public static void read(InputStream stream, Consumer<String> line) {
    var text = new StringBuilder();
    try (var reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
      for (var c = reader.read(); c >= 0; c = reader.read()) {
        if (c != '\n') text.append((char) c);
        if (c == '\n' || text.length() == LONGEST_LINE) take(text, line);
      }
    } catch (IOException e) {
      // the end of the program, which is logged elsewhere
    }
    if (text.length() > 0) take(text, line);
  }

  private static void take(StringBuilder text, Consumer<String> line) {
    var end = text.length();
    if (end > 0 && text.charAt(end - 1) == '\r') end--;
    line.accept(text.substring(0, end));
    text.setLength(0);
  }
}
