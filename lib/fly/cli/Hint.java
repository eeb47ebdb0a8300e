package fly.cli;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A command of ours as the reader would type it: by the wrapper of a clone, which says in {@code
 * FLY_JBANG} how it was called, else by JBang and the catalog.
 */
public final class Hint {
  /** A bare alias: neither a part of a longer name, nor an option's value, nor rendered before. */
  private static final Pattern ALIAS =
      Pattern.compile(
          "(?<![\\w./@-]|jbang |jbang' |--[a-z-]{1,30} )fly-[a-z]+(?:-[a-z]+)*(?![\\w@./-])");

  private Hint() {}

  /** The alias as the reader would type it. */
  public static String of(String alias) {
    var wrapper = System.getProperty("FLY_JBANG", System.getenv("FLY_JBANG"));
    if (wrapper == null || wrapper.isEmpty()) return "jbang " + alias + "@catalog";
    if (wrapper.equals("-")) return alias; // ./jbang install put it on the PATH
    return (wrapper.matches("[\\w./-]+") ? wrapper : "'" + wrapper + "'") + " " + alias;
  }

  /** The text, such as a refusal's, with each bare alias in it as the reader would type it. */
  public static String render(String text) {
    return ALIAS.matcher(text).replaceAll(alias -> Matcher.quoteReplacement(of(alias.group())));
  }
}
