//SOURCES ../FlyException.java ../ShellWord.java Mask.java Page.java ShellSession.java ../shell/Snippets.java
package fly.page;

import fly.FlyException;
import fly.ShellWord;
import fly.shell.Snippets;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;

/** Runs the blocks of a page up to the first failure. */
public final class PageRun {
  private final String file;
  private final Page page;
  private final Map<String, String> settings;

  /**
   * @param settings variables for the blocks of the shell; Java reads them as settings
   */
  public PageRun(String file, Page page, Map<String, String> settings) {
    this.file = file;
    this.page = page;
    this.settings = settings;
  }

  /**
   * Runs the blocks, in order. Without sh and curl those of the shell keep the page's output.
   *
   * @param last the name of the last block to run; null for all
   * @param onBlock receives each block and its output
   * @return the output of the blocks, ids and times masked
   */
  public List<String> run(String last, BiConsumer<Page.Block, String> onBlock) {
    if (last != null && page.blocks().stream().noneMatch(block -> block.name().equals(last))) {
      throw FlyException.usage("there is no block " + last, file + " has others", "--list");
    }
    var outputs = new ArrayList<String>();
    var hasShell = ShellSession.available();
    try (var snippets = new Snippets();
        var shell = new ShellSession(settings)) {
      var found = false;
      for (var block : page.blocks()) {
        if (found && !block.name().equals(last)) break;
        found = block.name().equals(last);
        var output =
            !block.inShell()
                ? capture(snippets, block)
                : hasShell ? run(shell, block) : Objects.requireNonNullElse(block.output(), "");
        onBlock.accept(block, output);
        outputs.add(Mask.apply(output));
      }
    }
    return outputs;
  }

  private String run(ShellSession shell, Page.Block block) {
    try {
      return shell.run(file, block);
    } catch (FlyException e) {
      throw inBlock(block, e);
    }
  }

  private static FlyException inBlock(Page.Block block, FlyException e) {
    return new FlyException(e.what, "block " + block.name() + ": " + e.why, e.tryNext, e.exitCode);
  }

  private String capture(Snippets snippets, Page.Block block) {
    var printed = new ByteArrayOutputStream();
    var stdout = System.out;
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      snippets.run(file, block.placed());
    } catch (FlyException e) {
      throw inBlock(block, e);
    } finally {
      System.setOut(stdout);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }

  /** Refuses outputs that are not those on the page. */
  public void check(List<String> outputs) {
    for (int i = 0; i < outputs.size(); i++) {
      var block = page.blocks().get(i);
      var shown = block.output() == null ? "" : block.output();
      if (shown.equals(outputs.get(i))) continue;
      throw new FlyException(
          "the page shows another output than block " + block.name() + " has",
          "%s:%d: printed was%n%s".formatted(file, block.line(), outputs.get(i).stripTrailing()),
          "fly-run-page --update " + ShellWord.of(file));
    }
  }
}
