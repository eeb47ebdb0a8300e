//SOURCES ../../Fly.java ../../FlyException.java ../model/JsonNodes.java PrivateFolder.java
package fly.sandbox.store;

import fly.Fly;
import fly.FlyException;
import fly.sandbox.model.JsonNodes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The private file by which a user's other terminals find a sandbox and its token. Each port has
 * one, in the user's runtime folder or in a private temporary folder. The sandbox removes it.
 */
public final class SandboxFile implements AutoCloseable {
  /** Tolerance for a process's start, which is computed from a clock that may be set. */
  private static final Duration TOLERANCE = Duration.ofSeconds(5);

  /**
   * A sandbox that runs.
   *
   * @param log null if it logs to its terminal
   */
  public record Entry(ProcessHandle process, String url, String token, String log) {}

  private final Path file;
  private final long pid;

  private SandboxFile(Path file, long pid) {
    this.file = file;
    this.pid = pid;
  }

  /**
   * @throws FlyException if no folder is private
   */
  public static SandboxFile write(int port, Entry entry) {
    var pid = entry.process().pid();
    var text =
        JsonNodes.object()
            .put("pid", pid)
            .put("started", started(entry.process()).toString())
            .put("url", entry.url())
            .put("token", entry.token())
            .put("log", entry.log());
    var folder = PrivateFolder.at(folders().get(0));
    return new SandboxFile(folder.write(port + ".json", text.toString()), pid);
  }

  /**
   * The sandbox of this port. An entry whose process has ended does not count: its port may be
   * another program's.
   */
  public static Optional<Entry> find(int port) {
    return folders().stream()
        .filter(Files::isDirectory)
        .map(folder -> PrivateFolder.at(folder).path().resolve(port + ".json"))
        .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
        .flatMap(file -> read(file).stream())
        .findFirst();
  }

  private static Optional<Entry> read(Path file) {
    try {
      var json = Fly.JSON.readTree(Files.readAllBytes(file));
      var started = Instant.parse(json.path("started").asText());
      var log = json.path("log").textValue();
      return ProcessHandle.of(json.path("pid").asLong())
          .filter(process -> close(started(process), started))
          .map(
              process ->
                  new Entry(process, json.path("url").asText(), json.path("token").asText(), log));
    } catch (IOException | RuntimeException e) {
      return Optional.empty(); // removed meanwhile, or damaged
    }
  }

  private static boolean close(Instant a, Instant b) {
    return Duration.between(a, b).abs().compareTo(TOLERANCE) < 0;
  }

  private static Instant started(ProcessHandle process) {
    return process.info().startInstant().orElse(Instant.EPOCH);
  }

  /** The folders in which a file can be, the preferred one first. */
  private static List<Path> folders() {
    var folders = new ArrayList<Path>();
    var runtime = System.getenv("XDG_RUNTIME_DIR");
    if (runtime != null && Files.isWritable(Path.of(runtime))) {
      folders.add(Path.of(runtime, "fly-sandbox"));
    }
    var user = System.getProperty("user.name").replaceAll("[^\\w.-]", "_");
    folders.add(Path.of(System.getProperty("java.io.tmpdir"), "fly-sandbox-of-" + user));
    return folders;
  }

  /** Removes the file, unless a later sandbox has replaced it. */
  @Override
  public void close() {
    try {
      if (Fly.JSON.readTree(Files.readAllBytes(file)).path("pid").asLong() == pid) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      // removed already
    }
  }
}
