//SOURCES ../ShellWord.java Reference.java
package fly.cli;

import fly.ShellWord;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A command of ours as the reader would type it. The variable {@code FLY_JBANG} holds the wrapper
 * of a clone, as it was called; {@code -} for commands on the PATH; or {@code @mine} for JBang and
 * the catalog of this name. Without it {@link Reference} searches for the catalog.
 */
public final class Hint {
  /** A bare alias: neither a part of a longer name, nor an argument, nor rendered before. */
  private static final Pattern ALIAS =
      Pattern.compile(
          "(?<![\\w./@-]|jbang |jbang' |fly-eject |--[a-z-]{1,30}"
              + " )fly-[a-z]+(?:-[a-z]+)*(?![\\w@./-])");

  private Hint() {}

  /** The alias as the reader would type it. */
  public static String of(String alias) {
    var called = Reference.called();
    if (called.equals("-")) return alias; // ./jbang install put it on the PATH
    if (!called.isEmpty() && !called.startsWith("@")) return ShellWord.of(called) + " " + alias;
    if (called.isEmpty()) called = Reference.here(alias);
    return "jbang "
        + ShellWord.of(alias + (called == null ? "@CATALOG" : called.equals("@") ? "" : called));
  }

  /** The text, such as a refusal's, with each bare alias in it as the reader would type it. */
  public static String render(String text) {
    return ALIAS.matcher(text).replaceAll(alias -> Matcher.quoteReplacement(of(alias.group())));
  }
}
