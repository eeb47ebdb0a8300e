//SOURCES ../lib/fly/Fly.java
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;

/**
 * Figures of a benchmark and its marks: lines as they come, with --json each as JSON, with --html
 * FILE a page with a bar for each figure. A benchmark fails if a mark is missed.
 */
final class BenchReport {
  /** The side of a mark on which a figure has to be. */
  enum Side {
    AT_MOST("at most"),
    AT_LEAST("at least"),
    EXACTLY("exactly");

    final String words;

    Side(String words) {
      this.words = words;
    }
  }

  private record Figure(String work, String way, double value, String unit, Side side, double bar) {
    boolean met() {
      if (side == null) return true;
      return switch (side) {
        case AT_MOST -> value <= bar;
        case AT_LEAST -> value >= bar;
        case EXACTLY -> value == bar;
      };
    }

    String mark() {
      if (side == null) return "";
      return "%s %s%s".formatted(side.words, text(bar), met() ? "" : ", MISSED");
    }
  }

  /** Stdout is for the report: the commands that a benchmark runs in this JVM print elsewhere. */
  private final PrintStream out = System.out;

  private final String name;
  private final List<String> args;
  private final List<Figure> figures = new ArrayList<>();

  BenchReport(String name, List<String> args) {
    this.name = name;
    this.args = args;
  }

  boolean asked(String flag) {
    return args.contains(flag);
  }

  /** The value after an option. */
  String option(String option, String otherwise) {
    var at = args.indexOf(option);
    return at < 0 || at + 1 == args.size() ? otherwise : args.get(at + 1);
  }

  /** Says whether this part runs: no part is named, or this one. */
  boolean runs(String part) {
    var named = args.isEmpty() || args.get(0).startsWith("-") ? "" : args.get(0);
    return named.isEmpty() || named.equals(part);
  }

  /** A line for whoever watches. */
  void say(String text, Object... values) {
    System.err.printf(text + "%n", values);
  }

  void figure(String work, String way, double value, String unit) {
    add(new Figure(work, way, value, unit, null, 0));
  }

  /** A figure with a mark; returns true if it is met. */
  boolean mark(String work, String way, double value, String unit, Side side, double bar) {
    var figure = new Figure(work, way, value, unit, side, bar);
    add(figure);
    return figure.met();
  }

  /** Something that holds or does not. */
  boolean holds(String work, String way, boolean held) {
    return mark(work, way, held ? 1 : 0, "(1 is yes)", Side.EXACTLY, 1);
  }

  private synchronized void add(Figure figure) {
    var first = figures.stream().noneMatch(one -> one.work.equals(figure.work));
    figures.add(figure);
    if (asked("--json")) {
      out.println(json(figure));
      return;
    }
    if (first) out.println(figure.work);
    var value = "%s %s".formatted(text(figure.value), figure.unit);
    out.printf("  %-44s %16s  %s%n", figure.way, value, figure.mark());
  }

  private static String text(double value) {
    if (value == Math.rint(value) && Math.abs(value) < 1e9) return "%,d".formatted((long) value);
    var digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
    return String.format(Locale.ROOT, "%,." + digits + "f", value);
  }

  private ObjectNode json(Figure figure) {
    var json = Fly.JSON.createObjectNode().put("bench", name).put("work", figure.work);
    json.put("way", figure.way).put("value", Math.round(figure.value * 1000) / 1000.0);
    json.put("unit", figure.unit);
    if (figure.side == null) return json;
    return json.put("mark", figure.side.words).put("bar", figure.bar).put("met", figure.met());
  }

  /** Writes the page, if it is asked for; returns the exit code. */
  int end() throws IOException {
    var html = option("--html", "");
    if (!html.isEmpty()) Files.writeString(Path.of(html), html(), StandardCharsets.UTF_8);
    return figures.stream().allMatch(Figure::met) ? 0 : 1;
  }

  private String html() {
    var groups = new LinkedHashMap<String, List<Figure>>();
    for (var figure : figures) {
      groups.computeIfAbsent(figure.work, work -> new ArrayList<>()).add(figure);
    }
    var body = new StringBuilder();
    groups.forEach(
        (work, all) -> {
          body.append("<h2>").append(escaped(work)).append("</h2><table>\n");
          for (var figure : all) {
            var longest =
                all.stream()
                    .filter(one -> one.unit.equals(figure.unit))
                    .mapToDouble(Figure::value)
                    .max()
                    .orElse(0);
            var width = longest <= 0 ? 0 : 400 * figure.value / longest;
            body.append("<tr><td>").append(escaped(figure.way));
            body.append("<td><i style=width:%.0fpx></i>".formatted(Math.max(0, width)));
            body.append("<td>%s %s".formatted(text(figure.value), escaped(figure.unit)));
            body.append(
                "<td class=%s>%s\n".formatted(figure.met() ? "met" : "missed", figure.mark()));
          }
          body.append("</table>\n");
        });
    return """
    <!doctype html><html lang=en><meta charset=utf-8><title>bench %s</title>
    <style>body{font:15px system-ui;margin:2em}td{padding:2px 10px}h2{font-size:1.1em}
    i{display:inline-block;height:12px;background:#69c}.missed{color:#b00;font-weight:bold}</style>
    <h1>bench %s</h1><p>%s, JDK %s, %d processors, %s.</p>
    %s</html>
    """
        .formatted(
            name,
            name,
            Instant.now().truncatedTo(ChronoUnit.SECONDS),
            Runtime.version(),
            Runtime.getRuntime().availableProcessors(),
            escaped(System.getProperty("os.name") + " " + System.getProperty("os.arch")),
            body);
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;");
  }

  static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }
}
