///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//JAVAC_OPTIONS --release 17
//DESCRIPTION Run the tests: all, or those of the classes named. --fast, --times, --workers N, --jdk all.
//DEPS org.junit.platform:junit-platform-console-standalone:1.14.4
//DEPS org.wiremock:wiremock-standalone:3.13.2
//MAIN RunTests
//SOURCES TestPool.java TestWorker.java
//SOURCES ../tests/**/*.java ../scripts/**/*.java ../lib/**/*.java

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Runs the tests, in more JVMs than there are cores, because they wait as well. Prints each class
 * with its tests as sentences, and sums up in the last line.
 */
class RunTests {
  private static final Pattern SUMMARY =
      Pattern.compile("(\\d+) passed, (\\d+) failed, (\\d+) skipped");

  /**
   * The command line.
   *
   * @param classNames patterns with *, or none for all
   * @param fast leaves out what needs npm, a browser, or other JVMs
   * @param times prints how long each class took, and its CPU time
   */
  record Arguments(List<String> classNames, boolean fast, boolean times, int workers) {
    static Arguments of(List<String> words) {
      var names = new ArrayList<>(words);
      var fast = names.remove("--fast");
      var times = names.remove("--times");
      var workers = value(names, "--workers");
      var unknown = names.stream().filter(name -> name.startsWith("-")).findFirst();
      if (unknown.isPresent()) {
        throw new IllegalArgumentException(
            unknown.get() + "; known are --fast, --times, --workers N and --jdk all|FOLDER");
      }
      return new Arguments(
          names,
          fast,
          times,
          workers == null
              ? Runtime.getRuntime().availableProcessors() * (fast ? 6 : 3) / 2
              : Math.max(1, Integer.parseInt(workers)));
    }

    boolean wants(String className) {
      if (classNames.isEmpty()) return className.endsWith("Test");
      return classNames.stream().anyMatch(name -> className.matches(name.replace("*", ".*")));
    }
  }

  public static void main(String... args) throws Exception {
    if (args.length > 0 && args[0].equals("--worker")) {
      TestWorker.main(args);
      return;
    }
    try {
      var words = new ArrayList<>(List.of(args));
      var jdk = value(words, "--jdk");
      var arguments = Arguments.of(words);
      if (jdk == null) System.exit(new TestPool(arguments).run() ? 0 : 1);
      System.exit(runOn(jdk.equals("all") ? jdks() : List.of(known(jdk)), words));
    } catch (IllegalArgumentException e) {
      System.err.println("error: " + e.getMessage());
      System.exit(2);
    }
  }

  /** Takes an option and its value from the words; null without the option. */
  private static String value(List<String> words, String option) {
    var at = words.indexOf(option);
    if (at < 0) return null;
    if (at + 1 == words.size()) throw new IllegalArgumentException(option + " needs a value");
    words.remove(at);
    return words.remove(at);
  }

  /** Runs the compiled tests in a JVM of each JDK, which the scripts under test use too. */
  private static int runOn(List<Path> jdks, List<String> arguments) throws Exception {
    var sums = new int[3];
    var broken = 0;
    for (var jdk : jdks) {
      System.out.println("=== " + jdk);
      var command = new ArrayList<>(List.of(jdk.resolve("bin/java").toString(), "-cp"));
      command.addAll(List.of(System.getProperty("java.class.path"), "RunTests"));
      command.addAll(arguments);
      var builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.environment().put("JAVA_HOME", jdk.toString());
      var process = builder.start();
      var last = "";
      try (var lines = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
          System.out.println(SUMMARY.matcher(line).matches() ? jdk + ": " + line : line);
          last = line;
        }
      }
      var counts = SUMMARY.matcher(last);
      if (process.waitFor() != 0 | !counts.matches()) broken++;
      for (int i = 0; i < 3 && counts.matches(); i++) {
        sums[i] += Integer.parseInt(counts.group(i + 1));
      }
    }
    if (broken > 0 && sums[1] == 0) sums[1] = broken;
    System.out.printf("%d passed, %d failed, %d skipped%n", sums[0], sums[1], sums[2]);
    return broken == 0 ? 0 : 1;
  }

  private static Path known(String jdk) {
    var folder = Path.of(jdk);
    if (Files.exists(folder.resolve("release"))) return folder;
    throw new IllegalArgumentException(
        "--jdk " + jdk + " is no folder of a JDK; known are --jdk all and --jdk FOLDER");
  }

  /** Every JDK of version 17 or newer in the usual places, one of each version. */
  private static List<Path> jdks() throws Exception {
    var home = System.getProperty("user.home");
    var found = new TreeMap<Integer, Path>();
    var candidates = new ArrayList<Path>();
    candidates.add(Path.of(System.getProperty("java.home")));
    for (var folder :
        List.of(
            "/usr/lib/jvm",
            "/Library/Java/JavaVirtualMachines",
            home + "/.sdkman/candidates/java",
            home + "/.jbang/cache/jdks",
            "C:\\Program Files\\Java",
            "C:\\Program Files\\Eclipse Adoptium")) {
      if (!Files.isDirectory(Path.of(folder))) continue;
      try (Stream<Path> entries = Files.list(Path.of(folder))) {
        entries.sorted().forEach(candidates::add);
      }
    }
    for (var candidate : candidates) {
      for (var jdk : List.of(candidate, candidate.resolve("Contents/Home"))) {
        var release = jdk.resolve("release");
        var javac = jdk.resolve("bin/javac");
        if (!Files.exists(release)
            || !Files.exists(javac) && !Files.exists(jdk.resolve("bin/javac.exe"))) continue;
        var version = Pattern.compile("JAVA_VERSION=\"(\\d+)").matcher(Files.readString(release));
        if (version.find() && Integer.parseInt(version.group(1)) >= 17) {
          found.putIfAbsent(Integer.parseInt(version.group(1)), jdk);
        }
      }
    }
    return List.copyOf(found.values());
  }
}
