//SOURCES Terminal.java
package fly.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;

/**
 * Writes to a terminal. Control characters from logs, names and errors are shown, not obeyed,
 * except for colours. An additional last line shows that an operation is running.
 */
public final class TerminalWriter extends PrintWriter {
  private final Screen screen;

  public TerminalWriter(Writer terminal) {
    this(new Screen(terminal, ""));
  }

  private TerminalWriter(Screen screen) {
    super(screen, true);
    this.screen = screen;
  }

  /** A writer to the same terminal that indents each line. */
  public TerminalWriter indented(String indent) {
    return new TerminalWriter(new Screen(screen.terminal, indent));
  }

  /** Drops all that is written from now on, or no longer. */
  void mute(boolean muted) {
    screen.hide();
    screen.muted = muted;
  }

  /** A writer to the same terminal that passes all characters unchanged. */
  PrintWriter raw() {
    return new PrintWriter(screen.terminal, true);
  }

  /** Shows the time that an operation takes, until something else is written. */
  void busy() {
    screen.show(null);
  }

  /** Shows this line below all that is written, until {@link #idle}. */
  void status(String line) {
    screen.show(line);
  }

  /** Removes the line of the running operation. */
  void idle() {
    screen.hide();
  }

  /** The text with its control characters in a form that a terminal does not obey. */
  static String visible(CharSequence text) {
    var shown = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      var colour = colour(text, i);
      if (colour > 0) {
        shown.append(text, i, i + colour);
        i += colour - 1;
      } else if (text.charAt(i) == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n') {
        continue;
      } else {
        append(shown, text.charAt(i));
      }
    }
    return shown.toString();
  }

  private static void append(StringBuilder shown, char c) {
    if (c == '\n' || c == '\t' || c >= ' ' && c < 0x7f) shown.append(c);
    else if (c < ' ') shown.append('^').append((char) (c + '@'));
    else if (c == 0x7f) shown.append("^?");
    else if (c < 0xa0) shown.append("<%02x>".formatted((int) c));
    else if (reorders(c)) shown.append("<U+%04X>".formatted((int) c));
    else shown.append(c);
  }

  /** Marks that change the order in which text is shown (Unicode, bidirectional formatting). */
  private static boolean reorders(char c) {
    return c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0x200e || c == 0x200f;
  }

  /** Length of the colour sequence at this place, such as {@code ESC[1;31m}; 0 if there is none. */
  private static int colour(CharSequence text, int at) {
    if (text.charAt(at) != 0x1b || at + 1 >= text.length() || text.charAt(at + 1) != '[') return 0;
    for (int i = at + 2; i < text.length() && i < at + 24; i++) {
      var c = text.charAt(i);
      if (c == 'm') return i + 1 - at;
      if ((c < '0' || c > '9') && c != ';') return 0;
    }
    return 0;
  }

  private static final class Screen extends Writer {
    private static final String ERASE = "\r\033[K";
    private static final String FRAMES = "|/-\\";
    private static final long FRAME_MS = 120;
    private static final long PATIENCE_MS = 400;

    private final Writer terminal;
    private final String indent;
    private boolean lineStarts = true;
    private boolean running;
    private volatile boolean muted;
    private boolean drawn;
    private String status;
    private long since;
    private Thread animator;

    Screen(Writer terminal, String indent) {
      super(terminal);
      this.terminal = terminal;
      this.indent = indent;
    }

    void show(String line) {
      synchronized (lock) {
        if (muted || !Terminal.movable()) return;
        if (!running) since = System.nanoTime();
        running = true;
        status = line;
        if (animator != null) return;
        animator = new Thread(this::animate, "progress");
        animator.setDaemon(true);
        animator.start();
      }
    }

    void hide() {
      synchronized (lock) {
        erase();
        running = false;
        status = null;
      }
    }

    private void animate() {
      for (int frame = 0; ; frame++) {
        synchronized (lock) {
          if (!running) {
            animator = null;
            return;
          }
          draw(FRAMES.charAt(frame % FRAMES.length()));
        }
        try {
          Thread.sleep(FRAME_MS);
        } catch (InterruptedException e) {
          return;
        }
      }
    }

    private void draw(char frame) {
      var milliseconds = (System.nanoTime() - since) / 1_000_000;
      if (!lineStarts || milliseconds < PATIENCE_MS) return;
      var time = milliseconds / 1000 + " s";
      put(ERASE + indent + "  " + frame + " " + (status == null ? time : status + "  " + time));
      drawn = true;
    }

    private void erase() {
      if (drawn) put(ERASE);
      drawn = false;
    }

    private void put(String text) {
      try {
        terminal.write(text);
        terminal.flush();
      } catch (IOException e) {
        running = false; // a terminal that is gone shows no progress
      }
    }

    @Override
    public void write(char[] text, int start, int length) throws IOException {
      synchronized (lock) {
        if (muted) return;
        erase();
        if (status == null) running = false;
        for (var c : visible(new String(text, start, length)).toCharArray()) {
          if (lineStarts && c != '\n') terminal.write(indent);
          terminal.write(c);
          lineStarts = c == '\n';
        }
      }
    }

    @Override
    public void flush() throws IOException {
      terminal.flush();
    }

    @Override
    public void close() throws IOException {
      hide();
      terminal.close();
    }
  }
}
