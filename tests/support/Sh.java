import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs real commands, and keeps what they print. */
final class Sh {
  /** The repository: the wrapper tells where it is. */
  static final Path ROOT =
      Path.of(System.getenv().getOrDefault("FLY_ROOT", System.getProperty("user.dir")));

  private final Map<String, String> environment = new LinkedHashMap<>();
  private Path folder = ROOT;
  private String input = "";

  record Result(int exit, String out, String err) {}

  Sh with(String name, Object value) {
    environment.put(name, value == null ? null : value.toString());
    return this;
  }

  Sh with(Map<String, String> variables) {
    environment.putAll(variables);
    return this;
  }

  Sh in(Path folder) {
    this.folder = folder;
    return this;
  }

  Sh input(String input) {
    this.input = input;
    return this;
  }

  Result run(String... command) {
    try {
      var process = start(command);
      var out = read(process.getInputStream());
      var err = read(process.getErrorStream());
      try (var stdin = process.getOutputStream()) {
        stdin.write(input.getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        // it does not read what we say
      }
      if (!process.waitFor(10, TimeUnit.MINUTES)) {
        process.destroyForcibly();
        throw new IllegalStateException(List.of(command) + " does not end");
      }
      return new Result(process.exitValue(), out.join(), err.join());
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs the lines of a page, and ends the sandbox that they start on this port. */
  static Result page(String lines, String port) {
    try {
      return new Sh().run("sh", "-euc", lines);
    } finally {
      new Sh().run("./jbang", "fly-sandbox", "--stop", "--port", port);
    }
  }

  /** A process that a shell started in the background ignores SIGINT, and hands this on. */
  static boolean ignoresCtrlC() throws IOException {
    var status = Path.of("/proc/self/status");
    if (!Files.exists(status)) return false;
    for (var line : Files.readAllLines(status)) {
      if (line.startsWith("SigIgn:"))
        return Long.parseUnsignedLong(line.split("\\s+")[1], 16) / 2 % 2 == 1;
    }
    return false;
  }

  Process start(String... command) {
    var builder = new ProcessBuilder(command).directory(folder.toFile());
    environment.forEach(
        (name, value) -> {
          if (value == null) builder.environment().remove(name);
          else builder.environment().put(name, value);
        });
    try {
      return builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static CompletableFuture<String> read(java.io.InputStream stream) {
    return CompletableFuture.supplyAsync(
        () -> {
          try (stream) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        },
        Sh::daemon);
  }

  /** A new thread, because the common pool may have one only, and both streams are read at once. */
  private static void daemon(Runnable task) {
    var thread = new Thread(task, "shell-reader");
    thread.setDaemon(true);
    thread.start();
  }
}
