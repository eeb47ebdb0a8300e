package fly;

/** Reports events, a line at a time, formatted as by {@link String#format}. */
public interface Story {
  void say(String format, Object... args);

  /** A line that a quiet command prints, too, such as that of a long wait. */
  default void insist(String format, Object... args) {
    say(format, args);
  }
}
