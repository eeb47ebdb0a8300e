import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Rooms, arrows and circles of lib and scripts, taken from the sources. */
class ArchitectureTest {
  private static final Map<String, JavaSource> ALL = JavaSource.below("lib", "scripts");
  private static final Map<String, Set<String>> USES = uses();

  /** Most classes in one circle of a package; elsewhere three. These numbers only go down. */
  private static final Map<String, Integer> CIRCLES =
      Map.of("fly", 0, "fly.cli", 0, "fly.mcp.proxy", 0, "fly.mcp.wrap", 0);

  /** Packages that a move in several commits leaves in a circle for the time being. */
  private static final Set<String> PACKAGES_IN_A_CIRCLE = Set.of();

  /** Strings that still name something of a higher room. */
  private static final Set<String> REACHING_UP = Set.of();

  /** Scripts that still use another one. */
  private static final Set<String> USING_ANOTHER =
      Set.of(
          "scripts/tools/Sandbox.java uses scripts/mcp/FilesServer.java",
          "scripts/tools/RunPage.java uses scripts/mcp/FilesServer.java");

  /** Names of scripts that are operations or words of Fly.io's API, too. */
  private static final Set<String> WORDS = Set.of("CreateApp", "Exec", "Sandbox");

  @Test
  void arrows_between_packages_point_one_way() {
    var wrong = new ArrayList<String>();

    USES.forEach(
        (from, used) -> {
          for (var to : used) {
            if (!mayUse(room(from), room(to))) wrong.add(from + " uses " + to);
          }
        });

    none(wrong);
  }

  @Test
  void no_circle_between_packages() {
    var rooms = new TreeMap<String, Set<String>>();
    USES.forEach(
        (from, used) -> {
          var arrows = rooms.computeIfAbsent(room(from), room -> new TreeSet<>());
          for (var to : used) if (!room(to).equals(room(from))) arrows.add(room(to));
        });

    var circles = circles(rooms);

    circles.removeIf(PACKAGES_IN_A_CIRCLE::containsAll);
    none(circles.stream().map(circle -> circle + " use each other").toList());
  }

  @Test
  void circles_of_classes_stay_within_the_ceiling_of_their_package() {
    var rooms = new TreeMap<String, Map<String, Set<String>>>();
    USES.forEach(
        (from, used) -> {
          if (room(from).equals("scripts")) return;
          var within = new TreeSet<>(used);
          within.removeIf(to -> !room(to).equals(room(from)));
          rooms.computeIfAbsent(room(from), room -> new TreeMap<>()).put(from, within);
        });
    var wrong = new ArrayList<String>();

    rooms.forEach(
        (room, classes) -> {
          var most = CIRCLES.getOrDefault(room, 3);
          for (var circle : circles(classes)) {
            if (circle.size() <= most) continue;
            wrong.add(
                "%s: %d classes in a circle, at most %d: %s"
                    .formatted(room, circle.size(), most, circle));
          }
        });

    none(wrong);
  }

  @Test
  void no_string_of_the_library_names_something_of_a_higher_room() {
    var scripts = ALL.values().stream().filter(source -> room(source.path).equals("scripts"));
    var names = scripts.map(JavaSource::className).collect(Collectors.toSet());
    var files = String.join("|", names);
    names.removeAll(WORDS);
    var higher =
        Pattern.compile(
            "scripts/|\\b(?:%s)\\.java|^\"(?:%s)\"$|jbang [^|]*\\bfly-[a-z]|/lib/fly"
                .formatted(files, String.join("|", names)));
    var fullName = Pattern.compile("\\bfly(?:\\.[a-z]+)*\\.[A-Z]\\w*");
    var wrong = new ArrayList<String>();

    for (var source : ALL.values()) {
      if (room(source.path).equals("scripts")) continue;
      for (var string : source.strings) {
        var named = fullName.matcher(string).results().map(match -> match.group()).toList();
        var reaches =
            named.stream()
                .map(name -> "lib/" + name.replace('.', '/') + ".java")
                .filter(ALL::containsKey)
                .anyMatch(file -> !mayUse(room(source.path), room(file)));
        if (reaches || higher.matcher(string).find()) wrong.add(source.path + ": " + string);
      }
    }

    wrong.removeAll(REACHING_UP);
    none(wrong);
  }

  @Test
  void fly_and_the_wrap_that_is_shipped_to_Machines_need_no_picocli() {
    var wrong = new ArrayList<String>();

    for (var source : ALL.values()) {
      if (!source.room().equals("fly") && !source.room().equals("fly.mcp.wrap")) continue;
      for (var file : reached(source.path, USES)) {
        if (ALL.get(file).code.contains("picocli.")) {
          wrong.add(source.path + " needs picocli for " + file);
        }
      }
    }

    none(wrong);
  }

  @Test
  void no_script_uses_another_one_but_the_quickstart_which_is_the_steps_in_order() {
    var wrong = new ArrayList<String>();

    USES.forEach(
        (from, used) -> {
          if (!room(from).equals("scripts") || from.endsWith("/Quickstart.java")) return;
          for (var to : used) if (room(to).equals("scripts")) wrong.add(from + " uses " + to);
        });

    wrong.removeAll(USING_ANOTHER);
    none(wrong);
  }

  @Test
  void a_step_of_the_guide_has_at_most_80_lines_and_no_script_more_than_150() {
    var wrong = new ArrayList<String>();

    for (var source : ALL.values()) {
      if (!room(source.path).equals("scripts")) continue;
      var step = source.path.startsWith("scripts/guide/") && !source.path.contains("Quickstart");
      var most = step ? 80 : 150;
      if (source.lines() > most) {
        wrong.add("%s has %d lines, at most %d".formatted(source.path, source.lines(), most));
      }
    }

    none(wrong);
  }

  /** A method reference is a Story that cannot tell what a quiet command prints, too. */
  @Test
  void a_command_is_a_story_as_a_whole() {
    var takers =
        ALL.values().stream()
            .filter(source -> source.code.contains("Story story"))
            .map(JavaSource::className)
            .collect(Collectors.joining("|"));
    var halved = Pattern.compile("\\b(?:%s)\\b[^;]*\\bcli::say".formatted(takers));
    var wrong = new ArrayList<String>();

    for (var source : ALL.values()) {
      if (halved.matcher(source.code).find()) wrong.add(source.path + ": pass cli, not cli::say");
    }

    none(wrong);
  }

  /** A line without arguments may quote anything, so it is no format: its %n would be printed. */
  @Test
  void a_line_without_arguments_holds_no_format() {
    var plain =
        Pattern.compile(
            "\\.(?:say|insist|announce)\\(\\s*\"(?:[^\"\\\\]|\\\\.)*%n(?:[^\"\\\\]|\\\\.)*\"\\)");
    var wrong = new ArrayList<String>();

    for (var source : ALL.values()) {
      plain
          .matcher(source.text)
          .results()
          .forEach(at -> wrong.add(source.path + ": " + at.group()));
    }

    none(wrong);
  }

  @Test
  void a_circle_is_found_and_a_chain_is_none() {
    var arrows =
        Map.of("a", Set.of("b"), "b", Set.of("c"), "c", Set.of("a", "d"), "d", Set.<String>of());

    assertEquals(List.of(Set.of("a", "b", "c")), circles(arrows));
  }

  /**
   * scripts -> fly.mcp, fly.sandbox -> fly.cli -> fly; nothing below uses fly.shell and the like.
   */
  private static boolean mayUse(String from, String to) {
    if (from.equals(to) || from.equals("scripts")) return true;
    return switch (top(from)) {
      case "fly" -> false;
      case "fly.cli" -> to.equals("fly");
      case "fly.mcp" -> Set.of("fly", "fly.cli", "fly.mcp").contains(top(to));
      case "fly.sandbox" ->
          Set.of("fly", "fly.cli", "fly.sandbox").contains(top(to))
              || Set.of("fly.mcp.http", "fly.mcp.message", "fly.mcp.wrap").contains(to);
      default -> !to.equals("scripts");
    };
  }

  /** fly.mcp.wrap -> fly.mcp */
  private static String top(String room) {
    return room.replaceFirst("^(fly\\.[a-z]+)\\..*", "$1");
  }

  private static String room(String path) {
    return ALL.get(path).room();
  }

  private static Map<String, Set<String>> uses() {
    var uses = new TreeMap<String, Set<String>>();
    for (var source : ALL.values()) uses.put(source.path, source.uses(ALL));
    return uses;
  }

  /** The sets of two or more that all reach each other. */
  private static List<Set<String>> circles(Map<String, Set<String>> arrows) {
    var circles = new ArrayList<Set<String>>();
    var seen = new TreeSet<String>();
    for (var one : new TreeSet<>(arrows.keySet())) {
      if (seen.contains(one)) continue;
      var circle = new TreeSet<String>();
      for (var other : reached(one, arrows)) {
        if (reached(other, arrows).contains(one)) circle.add(other);
      }
      seen.addAll(circle);
      if (circle.size() > 1) circles.add(circle);
    }
    return circles;
  }

  /** What can be reached from here, itself only if there is a way back. */
  private static Set<String> reached(String from, Map<String, Set<String>> arrows) {
    var reached = new TreeSet<String>();
    var open = new ArrayList<>(List.of(from));
    while (!open.isEmpty()) {
      for (var next : arrows.getOrDefault(open.remove(open.size() - 1), Set.of())) {
        if (reached.add(next)) open.add(next);
      }
    }
    return reached;
  }

  private static void none(List<String> wrong) {
    assertTrue(wrong.isEmpty(), () -> String.join("\n", wrong));
  }
}
