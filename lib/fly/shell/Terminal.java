//SOURCES InProcess.java Prelude.java
package fly.shell;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.prefs.Preferences;
import jdk.jshell.tool.JavaShellToolBuilder;

/** JShell's own tool at a terminal: prompt, tab completion and history. */
public final class Terminal {
  private Terminal() {}

  /** Says whether stdin comes from a terminal, as far as that can be known. */
  public static boolean isThere() {
    var piped = System.getenv("JBANG_STDIN_NOTTY");
    return piped == null ? System.console() != null : piped.equals("false");
  }

  /** Serves the prompt until {@code /exit}; the exit code. */
  public static int serve() {
    try {
      var startup = Files.createTempFile("fly-shell", ".jsh");
      startup.toFile().deleteOnExit();
      Files.writeString(startup, Prelude.imports());
      return JavaShellToolBuilder.builder()
          .interactiveTerminal(true)
          .persistence(Preferences.userRoot().node("fly-shell"))
          .start(
              "--execution",
              InProcess.Provider.NAME,
              "--class-path",
              System.getProperty("java.class.path"),
              "--startup",
              startup.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
