package fly.page;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * A Markdown page whose blocks fenced as {@code java} or {@code sh run} run, in order. A {@code
 * text} block that follows such a block is its output.
 */
public final class Page {
  private static final Pattern PART =
      Pattern.compile(
          "(?m)^#+ +(?<heading>.+)$|^```(?<fence>java|sh run)\\n"
              + "(?<code>(?s:.*?))^```\\n"
              + "(?:\\n"
              + "```text\\n"
              + "(?<output>(?s:.*?))^```\\n"
              + ")?");

  /**
   * A block.
   *
   * @param inShell true for the shell, false for Java
   * @param name its heading in lower case with dashes: {@code create-a-volume}
   * @param line the first line of its code on the page
   * @param output below it; null if there is none
   */
  public record Block(boolean inShell, String name, int line, String code, String output, int end) {
    /** The code on its own lines of the page, so that errors name these lines. */
    String placed() {
      return "\n".repeat(line - 1) + code;
    }
  }

  private final String text;
  private final List<Block> blocks = new ArrayList<>();

  public Page(String text) {
    this.text = text;
    var name = "";
    for (var part = PART.matcher(text); part.find(); ) {
      if (part.group("heading") != null) {
        name = part.group("heading").toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
        continue;
      }
      var line = (int) text.substring(0, part.start("code")).lines().count() + 1;
      var inShell = part.group("fence").equals("sh run");
      blocks.add(
          new Block(inShell, name, line, part.group("code"), part.group("output"), part.end()));
    }
  }

  public List<Block> blocks() {
    return List.copyOf(blocks);
  }

  /** The page with these outputs, one for each block; an empty one has no output block. */
  public String with(List<String> outputs) {
    var page = new StringBuilder();
    var at = 0;
    for (int i = 0; i < blocks.size(); i++) {
      var block = blocks.get(i);
      var code = text.substring(at, block.end);
      var fence = block.output == null ? -1 : code.lastIndexOf("\n```text\n");
      page.append(fence < 0 ? code : code.substring(0, fence));
      if (!outputs.get(i).isEmpty())
        page.append("\n```text\n").append(outputs.get(i)).append("```\n");
      at = block.end;
    }
    return page.append(text.substring(at)).toString();
  }
}
