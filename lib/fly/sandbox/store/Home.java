//SOURCES ../model/Clock.java ../model/Ids.java ../model/Workers.java Folders.java Journal.java OrphanProcesses.java
//SOURCES RecordStore.java TemporaryHome.java
package fly.sandbox.store;

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.sandbox.model.Clock;
import fly.sandbox.model.Ids;
import fly.sandbox.model.Workers;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** The sandbox's folder: a temporary one, or one that keeps its data for the next sandbox. */
public abstract class Home implements AutoCloseable {
  private final Path folder;

  private Home(Path folder) {
    this.folder = folder;
  }

  /**
   * @param data the folder that keeps the data; null to keep nothing
   * @throws fly.FlyException if the folder cannot be used
   */
  public static Home open(Path data) {
    return data == null ? new Temporary(new TemporaryHome()) : new Kept(data.toAbsolutePath());
  }

  public Path folder() {
    return folder;
  }

  /** The wanted token; without one the token of the previous sandbox, or a new one. */
  public abstract String token(String wanted);

  public abstract Journal journal(Clock clock, Workers workers, Consumer<String> story);

  /** The records of the previous sandbox. */
  public abstract List<ObjectNode> apps();

  public abstract List<ObjectNode> machines();

  /** Deletes the files that are not kept. */
  @Override
  public abstract void close();

  private static final class Temporary extends Home {
    private final TemporaryHome temporary;

    Temporary(TemporaryHome temporary) {
      super(temporary.folder);
      this.temporary = temporary;
    }

    @Override
    public String token(String wanted) {
      return wanted == null ? Ids.token() : wanted;
    }

    @Override
    public Journal journal(Clock clock, Workers workers, Consumer<String> story) {
      return Journal.inMemory(workers);
    }

    @Override
    public List<ObjectNode> apps() {
      return List.of();
    }

    @Override
    public List<ObjectNode> machines() {
      return List.of();
    }

    @Override
    public void close() {
      temporary.close();
    }
  }

  private static final class Kept extends Home {
    private final RecordStore store;
    private final Path machines;

    Kept(Path data) {
      super(data);
      store = new RecordStore(data);
      machines = data.resolve("machines");
      OrphanProcesses.end(machines); // of a sandbox that was killed
      Folders.delete(machines);
    }

    @Override
    public String token(String wanted) {
      return store.token(wanted);
    }

    @Override
    public Journal journal(Clock clock, Workers workers, Consumer<String> story) {
      return Journal.of(store, clock, workers, story);
    }

    @Override
    public List<ObjectNode> apps() {
      return store.apps();
    }

    @Override
    public List<ObjectNode> machines() {
      return store.machines();
    }

    @Override
    public void close() {
      Folders.delete(machines);
    }
  }
}
