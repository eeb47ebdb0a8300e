//SOURCES ../../Fly.java ../../FlyException.java ../model/ApiError.java ../model/Ids.java ../model/Record.java
//SOURCES DiskReserve.java
//DEPS com.h2database:h2:2.4.240
package fly.sandbox.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Ids;
import fly.sandbox.model.Record;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.MVStoreException;

/**
 * The records that outlive a sandbox: one JSON record for each app and each Machine, in H2's
 * MVStore. MVStore is H2's storage engine alone: pure Java, with no SQL and no native library. It
 * appends versions, so a process killed during a commit leaves the version before. A commit is
 * handed to the operating system before it returns: SIGKILL loses nothing of it. Nothing waits for
 * the disk: a power cut loses the commits after the last {@link #sync}.
 */
public final class RecordStore implements AutoCloseable {
  /** Interval at which commits go to the disk. */
  public static final Duration SYNC = Duration.ofSeconds(5);

  private static final int FORMAT = 1;
  private static final String FILE = "sandbox.mv";
  private static final String RESERVE = "sandbox.reserve";
  private static final int UNSUPPORTED = 5;
  private static final int LOCKED = 7;

  /** Time for which the store keeps the space of old versions: longer than between two syncs. */
  private static final Duration RETENTION = SYNC.multipliedBy(2);

  private static final Duration COMPACTING = Duration.ofSeconds(2);

  private final Path file;
  private final DiskReserve reserve;
  private MVStore store;
  private MVMap<String, String> meta;
  private boolean closed;

  /** The reason why a flush failed; null as long as there is space for the next one. */
  private volatile String failure;

  private final Map<String, MVMap<String, String>> tables = new HashMap<>();
  private final Set<Record> changed = ConcurrentHashMap.newKeySet();

  /**
   * @throws FlyException if the folder is in use by another sandbox, written by a newer version,
   *     not a sandbox's, or broken; it is left as it was
   */
  public RecordStore(Path folder) {
    file = folder.resolve(FILE);
    reserve = new DiskReserve(folder.resolve(RESERVE));
    try {
      prepare(folder, file);
      open();
    } catch (MVStoreException e) {
      throw refused(folder, e);
    } catch (IOException e) {
      throw new FlyException(
          "the sandbox cannot keep its data in " + folder,
          FlyException.reason(e),
          "another folder: --data DIR");
    }
    try {
      var format = Integer.parseInt(meta.getOrDefault("format", String.valueOf(FORMAT)));
      if (format > FORMAT) throw newer(folder, "format " + format);
      meta.put("format", String.valueOf(FORMAT));
      store.commit();
      reserve.fill();
    } catch (MVStoreException e) {
      store.closeImmediately();
      throw refused(folder, e);
    } catch (RuntimeException e) {
      store.closeImmediately();
      throw e;
    }
  }

  private void open() {
    var builder = new MVStore.Builder().fileName(file.toString());
    store = builder.autoCommitDisabled().compress().open();
    store.setRetentionTime((int) RETENTION.toMillis());
    meta = store.openMap("meta");
    for (var table : List.of("apps", "machines")) tables.put(table, store.openMap(table));
  }

  private static void prepare(Path folder, Path file) throws IOException {
    Files.createDirectories(folder);
    if (Files.exists(file)) return;
    try (var there = Files.list(folder)) {
      if (there.findAny().isPresent()) {
        throw new FlyException(
            folder + " is no sandbox's folder",
            "it has files, and no " + FILE + " among them",
            "a new or empty folder: --data DIR");
      }
    }
    if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
      var owner = PosixFilePermissions.fromString("rw-------");
      Files.createFile(file, PosixFilePermissions.asFileAttribute(owner));
    }
  }

  private static FlyException refused(Path folder, MVStoreException e) {
    return switch (e.getErrorCode()) {
      case LOCKED ->
          new FlyException(
              "a sandbox is running on " + folder + " already",
              "two at a time would spoil each other's data",
              "end the other one, or another folder: --data DIR");
      case UNSUPPORTED -> newer(folder, e.getMessage());
      default ->
          new FlyException(
              "the data in " + folder + " cannot be read",
              folder.resolve(FILE) + " is broken, or no sandbox's; nothing was changed: " + e,
              "a copy of the folder from before, or another folder: --data DIR");
    };
  }

  private static FlyException newer(Path folder, String what) {
    return new FlyException(
        "the data in " + folder + " is a newer sandbox's",
        what + "; this one knows format " + FORMAT,
        "the newer version of the sandbox, or another folder: --data DIR");
  }

  /** The wanted token; if that is null, the token of the previous sandbox, or a new one. */
  public String token(String wanted) {
    var token = wanted == null ? meta.get("token") : wanted;
    if (token == null) token = Ids.token();
    meta.put("token", token);
    store.commit();
    return token;
  }

  public List<ObjectNode> apps() {
    return records("apps");
  }

  /** The Machines' records, each with its app's id as app_id. */
  public List<ObjectNode> machines() {
    return records("machines");
  }

  private List<ObjectNode> records(String table) {
    try {
      var records = new ArrayList<ObjectNode>();
      for (var text : tables.get(table).values()) records.add((ObjectNode) Fly.JSON.readTree(text));
      return records;
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes the record at the next flush. */
  public void changed(Record record) {
    changed.add(record);
  }

  /**
   * Returns when all that had changed before is committed, by this thread or by another. It takes
   * the locks of apps and Machines, one at a time: its caller holds none.
   */
  public synchronized void flush() {
    if (changed.isEmpty()) return;
    if (closed) throw ApiError.ending();
    var records = List.copyOf(changed);
    try {
      commit(records);
    } catch (MVStoreException e) {
      failure = FlyException.reason(e);
      if (!reserve.release()) throw ApiError.notRecorded(failure);
      commitIntoReserve(records);
    }
  }

  /** Records the change that found the disk full; later ones are refused before they happen. */
  private void commitIntoReserve(List<Record> records) {
    try {
      commit(records);
    } catch (MVStoreException e) {
      throw ApiError.notRecorded(failure);
    }
  }

  private void commit(List<Record> records) {
    try {
      if (store.isClosed()) open(); // a write that fails closes it; the file has every commit
      for (var record : records) {
        changed.remove(record); // first: a change from here on is written again
        write(record);
      }
      store.commit();
    } catch (MVStoreException e) {
      changed.addAll(records); // the next flush tries again
      if (!store.isClosed()) store.closeImmediately(); // drops uncommitted changes
      throw e;
    } catch (RuntimeException e) {
      changed.addAll(records);
      throw e;
    }
  }

  /** Refuses a request that would change something, from a failure until there is space again. */
  public void requireWritable() {
    if (failure == null) return;
    synchronized (this) {
      flush();
      if (!reserve.fill()) throw ApiError.notRecorded(failure);
      failure = null;
    }
  }

  /** Writes all commits to the disk. */
  public synchronized void sync() {
    if (store.isClosed()) return;
    try {
      store.sync();
    } catch (MVStoreException e) {
      if (!store.isClosed()) throw e;
    }
  }

  private void write(Record record) {
    var table = tables.get(record.table());
    record
        .record()
        .ifPresentOrElse(
            json -> table.put(record.recordId(), json.toString()),
            () -> table.remove(record.recordId()));
  }

  /** Writes the last changes; from then on nothing is written. */
  @Override
  public synchronized void close() {
    if (closed) return;
    try {
      flush();
    } catch (ApiError e) {
      // a full disk: every commit before is in the file
    }
    closed = true;
    if (store.isClosed()) return;
    store.close((int) COMPACTING.toMillis());
  }
}
