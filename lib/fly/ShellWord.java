package fly;

/** Text as a shell takes it for one word. */
public final class ShellWord {
  private ShellWord() {}

  public static String of(Object text) {
    var word = text.toString();
    return word.matches("[\\w@%+=:,./-][\\w@%+=:,./~-]*") ? word : quoted(word);
  }

  /** Text as one word, always in quotes. */
  public static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
