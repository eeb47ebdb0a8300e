//SOURCES ../Fly.java ../FlyException.java ApiError.java App.java Ids.java Machine.java
//DEPS com.h2database:h2:2.4.240
package fly.sandbox;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.MVStoreException;

/**
 * What a sandbox remembers over its end: one JSON record for each app and each Machine, in H2's
 * MVStore. That is H2's storage engine alone: pure Java, with no SQL and no native library to
 * unpack; it appends versions, and so a process killed in the midst of a commit leaves the version
 * before. A commit is handed to the operating system before it returns: SIGKILL loses nothing of
 * it. Nothing waits for the disk: a power cut loses what came after the last {@link #sync}.
 */
final class Database implements AutoCloseable {
  /** How often what was committed goes to the disk. */
  static final Duration SYNC = Duration.ofSeconds(5);

  private static final int FORMAT = 1;
  private static final String FILE = "sandbox.mv";
  private static final int UNSUPPORTED = 5;
  private static final int LOCKED = 7;

  /** How long the store keeps the space of old versions: longer than it is between two syncs. */
  private static final Duration RETENTION = SYNC.multipliedBy(2);

  private static final Duration COMPACTING = Duration.ofSeconds(2);

  private final MVStore store;
  private final MVMap<String, String> meta;
  private final MVMap<String, String> apps;
  private final MVMap<String, String> machines;
  private final Set<Object> changed = ConcurrentHashMap.newKeySet();

  /**
   * @throws FlyException where the folder is another sandbox's at this time, a newer sandbox's, not
   *     a sandbox's at all, or broken; it is left as it was
   */
  Database(Path folder) {
    var file = folder.resolve(FILE);
    try {
      prepare(folder, file);
      var builder = new MVStore.Builder().fileName(file.toString());
      store = builder.autoCommitDisabled().compress().open();
      store.setRetentionTime((int) RETENTION.toMillis());
    } catch (MVStoreException e) {
      throw refused(folder, e);
    } catch (IOException e) {
      throw new FlyException(
          "the sandbox cannot keep its data in " + folder,
          e.toString(),
          "another folder: --data DIR");
    }
    try {
      meta = store.openMap("meta");
      var format = Integer.parseInt(meta.getOrDefault("format", String.valueOf(FORMAT)));
      if (format > FORMAT) throw newer(folder, "format " + format);
      apps = store.openMap("apps");
      machines = store.openMap("machines");
      meta.put("format", String.valueOf(FORMAT));
      store.commit();
    } catch (MVStoreException e) {
      store.closeImmediately();
      throw refused(folder, e);
    } catch (RuntimeException e) {
      store.closeImmediately();
      throw e;
    }
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

  /** The token of the sandbox before; the new one where that is not null, or there was none. */
  String token(String wanted) {
    var token = wanted == null ? meta.get("token") : wanted;
    if (token == null) token = Ids.token();
    meta.put("token", token);
    store.commit();
    return token;
  }

  List<ObjectNode> apps() {
    return records(apps);
  }

  /** Each knows its app's id, as app_id. */
  List<ObjectNode> machines() {
    return records(machines);
  }

  private static List<ObjectNode> records(MVMap<String, String> map) {
    try {
      var records = new ArrayList<ObjectNode>();
      for (var text : map.values()) records.add((ObjectNode) Fly.JSON.readTree(text));
      return records;
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An App or a Machine is to be written at the next flush. */
  void changed(Object entity) {
    changed.add(entity);
  }

  /**
   * Returns when all that had changed before is committed, by this thread or by another. It takes
   * the locks of apps and Machines, one at a time: its caller holds none.
   */
  synchronized void flush() {
    if (changed.isEmpty()) return;
    if (store.isClosed()) throw new ApiError(503, "unavailable: the sandbox is ending");
    var entities = List.copyOf(changed);
    try {
      for (var entity : entities) {
        changed.remove(entity); // first: what changes from here on, is written again
        if (entity instanceof Machine machine) write(machine);
        else write((App) entity);
      }
      store.commit();
    } catch (RuntimeException e) {
      changed.addAll(entities); // they are not forgotten: whoever asks next tries again
      throw e;
    }
  }

  /** Hands what was committed to the disk. */
  void sync() {
    try {
      store.sync();
    } catch (MVStoreException e) {
      if (!store.isClosed()) throw e;
    }
  }

  private void write(App app) {
    if (!app.deleted) {
      apps.put(app.id, app.record().toString());
      return;
    }
    apps.remove(app.id);
    for (var machine : app.machines.values()) machines.remove(machine.id);
  }

  private void write(Machine machine) {
    var there = !machine.app.deleted && machine.app.machines.get(machine.id) == machine;
    if (there) machines.put(machine.id, machine.record().toString());
    else machines.remove(machine.id);
  }

  /** After it nothing is written any more. */
  @Override
  public synchronized void close() {
    if (store.isClosed()) return;
    flush();
    store.close((int) COMPACTING.toMillis());
  }
}
