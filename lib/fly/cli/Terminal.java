package fly.cli;

import java.io.File;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Help.Ansi;

/**
 * The terminal of the person who runs a command. The wrapper reports it: {@code FLY_TTY} holds the
 * digits of those standard streams that are terminals, such as {@code 012}. Without it no stream
 * counts as a terminal. {@code FLY_FORCE_TTY} makes stdout and stderr count as terminals; a number
 * in it is their width.
 */
public final class Terminal {
  private static final int DEFAULT_WIDTH = 100;
  private static final int LEAST_WIDTH = 60;
  private static final int MOST_WIDTH = 120;

  private Terminal() {}

  public static boolean in() {
    return reported('0');
  }

  public static boolean out() {
    return forced() || reported('1');
  }

  public static boolean err() {
    return forced() || reported('2');
  }

  /**
   * Colour for a stream that is a terminal, or not: NO_COLOR wins over CLICOLOR_FORCE and
   * FLY_FORCE_TTY, these over CLICOLOR=0 and TERM=dumb.
   */
  public static Ansi colour(boolean terminal) {
    if (!variable("NO_COLOR").isEmpty()) return Ansi.OFF;
    var force = variable("CLICOLOR_FORCE");
    if (!force.isEmpty() && !force.equals("0")) return Ansi.ON;
    if (variable("CLICOLOR").equals("0")) return Ansi.OFF;
    return terminal && (forced() || movable()) ? Ansi.ON : Ansi.OFF;
  }

  /** True unless the terminal can only append, as an editor's shell window. */
  static boolean movable() {
    return !variable("TERM").equals("dumb");
  }

  /**
   * Columns for text that people read, between 60 and 120; 100 if no terminal reports its width.
   */
  public static int width() {
    var columns = columns();
    if (columns <= 0) return DEFAULT_WIDTH;
    return Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, columns));
  }

  private static int columns() {
    for (var name : new String[] {"FLY_FORCE_TTY", "COLUMNS"}) {
      var value = variable(name);
      if (value.matches("\\d{2,4}")) return Integer.parseInt(value);
    }
    return out() || err() ? asked() : 0;
  }

  /** Reads the terminal's size by {@code stty}, which prints rows and columns, as {@code 24 80}. */
  private static int asked() {
    try {
      var stty =
          new ProcessBuilder("stty", "size")
              .redirectInput(new File("/dev/tty"))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!stty.waitFor(1, TimeUnit.SECONDS)) stty.destroyForcibly();
      var words = new String(stty.getInputStream().readAllBytes()).strip().split(" ");
      return words.length == 2 ? Integer.parseInt(words[1]) : 0;
    } catch (IOException | NumberFormatException e) {
      return 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 0;
    }
  }

  private static boolean forced() {
    return !variable("FLY_FORCE_TTY").isEmpty();
  }

  private static boolean reported(char stream) {
    return variable("FLY_TTY").indexOf(stream) >= 0;
  }

  private static String variable(String name) {
    var value = System.getProperty(name, System.getenv(name));
    return value == null ? "" : value.strip();
  }
}
