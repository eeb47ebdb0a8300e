///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Draw docs/quickstart.svg: fly-quickstart in a terminal, as it ran.

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Runs {@code fly-quickstart} and draws the README's picture of it: each step's heading, command
 * and result. The lines appear as they did, faster; without animation all of them are there.
 */
class Picture {
  private static final int COLUMNS = 92;
  private static final double WIDTH = 8.43; // of a character, in pixels
  private static final int HEIGHT = 21; // of a line
  private static final int TOP = 62;
  private static final int MARGIN = 24;
  private static final double LONGEST_PAUSE = 0.9; // seconds

  private static final String HEAD =
      """
      <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %1$d %2$d" role="img">
      <title>fly-quickstart in a terminal</title>
      <style>
      text { font: 14px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #cfcadf; white-space: pre; }
      .bar { fill: #8f88a8; } .typed { fill: #fff; font-weight: 600; } .step { fill: #b9a6ff; font-weight: 600; }
      .command { fill: #fff; } .result { fill: #6fd79a; } .end { fill: #fff; font-weight: 600; }
      g text { animation: show 1ms backwards; }
      @keyframes show { from { opacity: 0; } }
      @media (prefers-reduced-motion: reduce) { g text { animation: none; } }
      </style>
      <rect width="100%%" height="100%%" rx="10" fill="#17131f"/>
      <path d="M0 38h%1$d" stroke="#322d43"/>
      <circle cx="22" cy="19" r="6" fill="#ff9a92"/><circle cx="42" cy="19" r="6" fill="#f2b65c"/><circle cx="62" cy="19" r="6" fill="#6fd79a"/>
      <g xml:space="preserve">
      """;

  /** A line of the terminal, and when it appeared. */
  private record Line(double at, String text) {}

  public static void main(String... args) throws Exception {
    var root = Path.of(System.getenv().getOrDefault("FLY_ROOT", "."));
    var lines = run(root);
    var file = root.resolve(args.length == 0 ? "docs/quickstart.svg" : args[0]);
    Files.writeString(file, draw(lines));
    System.err.println("Drawn: " + file + ", " + Files.size(file) + " bytes");
  }

  private static List<Line> run(Path root) throws IOException, InterruptedException {
    var builder = new ProcessBuilder("./jbang", "fly-quickstart").directory(root.toFile());
    builder.environment().put("FLY_FORCE_TTY", String.valueOf(COLUMNS));
    var process = builder.redirectErrorStream(true).start();
    process.getOutputStream().close();
    var start = System.nanoTime();
    var lines = new ArrayList<Line>();
    lines.add(new Line(0, "$ ./jbang fly-quickstart"));
    try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
      for (var raw = output.readLine(); raw != null; raw = output.readLine()) {
        var text =
            raw.substring(raw.lastIndexOf('\r') + 1).replaceAll("\033\\[[\\d;]*[A-Za-z]", "");
        if (isShown(text)) lines.add(new Line((System.nanoTime() - start) / 1e9, text));
      }
    }
    if (process.waitFor() != 0) throw new IllegalStateException("fly-quickstart failed: " + lines);
    return lines;
  }

  /** Headings, commands and results; not the story in between, nor what JBang says. */
  private static boolean isShown(String text) {
    return !text.isBlank()
        && !text.startsWith("[jbang]")
        && !text.matches("     .*|  -> \\{\"result.*");
  }

  private static String draw(List<Line> lines) {
    var svg = new StringBuilder();
    var y = TOP;
    var before = lines.get(0).at();
    var clock = 0.0;
    for (var line : lines) {
      clock += Math.min(LONGEST_PAUSE, Math.max(0.05, line.at() - before));
      before = line.at();
      var kind = kind(line.text());
      if (kind.equals("step") || kind.equals("end")) y += HEIGHT / 3;
      svg.append(
          String.format(
              Locale.ROOT,
              "<text class=\"%s\" x=\"%d\" y=\"%d\" style=\"animation-delay:%.1fs\">%s</text>%n",
              kind,
              MARGIN,
              y,
              clock,
              escaped(cut(line.text()))));
      y += HEIGHT;
    }
    var width = (int) (COLUMNS * WIDTH) + 2 * MARGIN;
    return HEAD.formatted(width, y + 4) + svg + "</g>\n</svg>\n";
  }

  private static String kind(String text) {
    if (text.startsWith("$ ")) return "typed";
    if (text.startsWith("  $ ")) return "command";
    if (text.startsWith("  -> ")) return "result";
    if (text.startsWith("All ") || text.startsWith("A sandbox")) return "end";
    return text.matches("[A-Z][\\w ]+") ? "step" : "result";
  }

  private static String cut(String text) {
    return text.length() <= COLUMNS ? text : text.substring(0, COLUMNS - 4) + " ...";
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
