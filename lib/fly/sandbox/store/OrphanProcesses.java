package fly.sandbox.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Ends programs that outlived a killed sandbox because no namespace ended them. Each is noted in
 * its Machine's folder; the next sandbox ends it and all that it started.
 */
public final class OrphanProcesses {
  private static final String NOTE = "process-";

  private OrphanProcesses() {}

  /** Notes a process: its number in the file's name, its start in the file. */
  public static void note(ProcessHandle process, Path folder) throws IOException {
    Files.writeString(folder.resolve(NOTE + process.pid()), start(process));
  }

  /** The start of a process, because another process may have its number by now. */
  private static String start(ProcessHandle process) {
    return process.info().startInstant().map(at -> at.toEpochMilli() + "").orElse("unknown");
  }

  /**
   * @param machines the folder of the Machines of a sandbox that has ended
   */
  public static void end(Path machines) {
    if (!Files.isDirectory(machines)) return;
    try (var files = Files.walk(machines, 2)) {
      for (var file : files.filter(Files::isRegularFile).toList()) {
        var name = file.getFileName().toString();
        if (!name.matches(NOTE + "\\d{1,18}")) continue;
        var process = ProcessHandle.of(Long.parseLong(name.substring(NOTE.length())));
        var start = Files.readString(file);
        if (process.isEmpty() || !start.matches("\\d+") || !start(process.get()).equals(start)) {
          continue;
        }
        process.get().descendants().forEach(ProcessHandle::destroyForcibly);
        process.get().destroyForcibly();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
