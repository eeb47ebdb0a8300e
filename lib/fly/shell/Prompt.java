//SOURCES ../cli/Terminal.java InProcess.java Prelude.java
package fly.shell;

import fly.cli.Terminal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.prefs.Preferences;
import jdk.jshell.tool.JavaShellToolBuilder;

/** JShell's own tool at a terminal: prompt, tab completion and history. */
public final class Prompt {
  /** The first run makes a folder for the history, and this logs it to the terminal. */
  private static final Logger PREFERENCES = Logger.getLogger("java.util.prefs");

  private Prompt() {}

  /**
   * True if the shell may prompt. Started by JBang alone, the streams are not reported by the
   * wrapper, but the JVM has a console.
   */
  public static boolean possible() {
    return System.getenv("FLY_TTY") != null ? Terminal.in() : System.console() != null;
  }

  /** Serves the prompt until {@code /exit}; the exit code. */
  public static int serve() {
    try {
      var startup = Files.createTempFile("fly-shell", ".jsh");
      startup.toFile().deleteOnExit();
      Files.writeString(startup, Prelude.imports());
      PREFERENCES.setLevel(Level.WARNING);
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
