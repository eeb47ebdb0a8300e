//SOURCES ../Fly.java
package fly.shell;

import fly.Fly;

/** The client that snippets find in the variable {@code fly}, made when a snippet first uses it. */
public final class Connected {
  public static final Fly fly =
      Fly.connect(null, null, (format, args) -> System.err.println(format.formatted(args)));

  private Connected() {}
}
