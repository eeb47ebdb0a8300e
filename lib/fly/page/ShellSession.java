//SOURCES ../FlyException.java Page.java
package fly.page;

import fly.FlyException;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Runs the {@code sh} blocks of a page; what one exports, the next ones have. */
final class ShellSession implements AutoCloseable {
  private static final String SCRIPT =
      "if [ -s \"$FLY_PAGE_EXPORTS\" ]; then . \"$FLY_PAGE_EXPORTS\"; fi\n"
          + "%s\nexport -p > \"$FLY_PAGE_EXPORTS\"\n";

  private final Map<String, String> settings;
  private final Path exports;
  private final Path errors;

  /**
   * @param settings variables beside those of this process
   */
  ShellSession(Map<String, String> settings) {
    this.settings = settings;
    try {
      exports = Files.createTempFile("fly-page", ".sh"); // readable by its owner only
      errors = Files.createTempFile("fly-page", ".err");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** True if this computer has a shell and curl. */
  static boolean available() {
    var path = System.getenv().getOrDefault("PATH", "").split(File.pathSeparator);
    return List.of("sh", "curl").stream()
        .allMatch(name -> Stream.of(path).anyMatch(at -> Files.isExecutable(Path.of(at, name))));
  }

  /**
   * Runs a block to its end.
   *
   * @return its standard output
   * @throws FlyException if it ends with another code than 0, with its standard error
   */
  String run(String file, Page.Block block) {
    try {
      var builder = new ProcessBuilder("sh", "-euc", SCRIPT.formatted(block.code()));
      builder.environment().putAll(settings);
      builder.environment().put("FLY_PAGE_EXPORTS", exports.toString());
      builder.redirectError(errors.toFile());
      var process = builder.start();
      process.getOutputStream().close();
      var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      var exit = process.waitFor();
      if (exit == 0) return output.isEmpty() || output.endsWith("\n") ? output : output + "\n";
      throw new FlyException(
          "the shell ended with " + exit + ": " + Files.readString(errors).strip(),
          "%s:%d".formatted(file, block.line()),
          "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    try {
      Files.deleteIfExists(exports);
      Files.deleteIfExists(errors);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
