//SOURCES ../model/ApiError.java ../model/Clock.java ../model/Record.java ../model/Workers.java Folders.java
//SOURCES RecordStore.java
package fly.sandbox.store;

import fly.sandbox.model.ApiError;
import fly.sandbox.model.Clock;
import fly.sandbox.model.Record;
import fly.sandbox.model.Workers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.function.Consumer;

/** Keeps the records that have changed: in the database, or not at all. */
public abstract class Journal implements AutoCloseable {
  private final Workers workers;

  private Journal(Workers workers) {
    this.workers = workers;
  }

  /** A journal for a sandbox that keeps nothing. */
  public static Journal inMemory(Workers workers) {
    return new InMemory(workers);
  }

  /**
   * A journal that writes to the database.
   *
   * @param story takes a line when records cannot be written
   */
  public static Journal of(
      RecordStore store, Clock clock, Workers workers, Consumer<String> story) {
    return new InDatabase(store, clock, workers, story);
  }

  /** Changes are written; false if the sandbox keeps nothing. */
  public boolean records() {
    return true;
  }

  /** Writes the record at the next flush. */
  public abstract void changed(Record record);

  /** Returns when every earlier change is committed; the caller holds no lock. */
  public abstract void flush();

  /** Refuses a request that would change something while nothing can be written. */
  public abstract void requireWritable();

  /** Flushes for requests that only read, which a full disk does not end. */
  public void flushIfPossible() {
    try {
      flush();
    } catch (ApiError e) {
      if (e.status != ApiError.NOT_RECORDED) throw e;
    }
  }

  /** Starts to write changes that no request waits for. */
  public abstract void start();

  /** Deletes folders after a flush: a crash before it must not lose files that are on record. */
  public void deleteAfterFlush(Collection<Path> folders) {
    if (folders.isEmpty()) return;
    var all = List.copyOf(folders);
    workers.run(
        () -> {
          try {
            flush();
          } catch (RuntimeException e) {
            return; // the next start deletes them
          }
          all.forEach(Folders::delete);
        });
  }

  @Override
  public abstract void close();

  private static final class InMemory extends Journal {
    InMemory(Workers workers) {
      super(workers);
    }

    @Override
    public boolean records() {
      return false;
    }

    @Override
    public void changed(Record record) {}

    @Override
    public void flush() {}

    @Override
    public void requireWritable() {}

    @Override
    public void start() {}

    @Override
    public void close() {}
  }

  private static final class InDatabase extends Journal {
    /** Time that a change without a waiting request may stay unwritten. */
    private static final Duration FLUSH = Duration.ofMillis(100);

    private final RecordStore store;
    private final Clock clock;
    private final Workers workers;
    private final Consumer<String> story;
    private String reported = "";
    private volatile boolean closed;

    InDatabase(RecordStore store, Clock clock, Workers workers, Consumer<String> story) {
      super(workers);
      this.store = store;
      this.clock = clock;
      this.workers = workers;
      this.story = story;
    }

    @Override
    public void changed(Record record) {
      store.changed(record);
    }

    @Override
    public void flush() {
      store.flush();
    }

    @Override
    public void requireWritable() {
      store.requireWritable();
    }

    @Override
    public void start() {
      clock.later(FLUSH, this::flushAgain);
      clock.later(RecordStore.SYNC, this::syncAgain);
    }

    private void flushAgain() {
      try {
        flush();
        reported = "";
      } catch (RuntimeException e) {
        report("error: not recorded yet: " + e.getMessage());
      } finally {
        clock.later(FLUSH, this::flushAgain);
      }
    }

    /** Reports a failure once, and not ten times a second. */
    private void report(String line) {
      if (closed) return; // the ends of programs are not recorded
      if (!line.equals(reported)) story.accept(line);
      reported = line;
    }

    private void syncAgain() {
      clock.later(RecordStore.SYNC, this::syncAgain);
      workers.run(store::sync);
    }

    @Override
    public void close() {
      closed = true;
      store.close();
    }
  }
}
