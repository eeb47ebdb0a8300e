///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//JAVAC_OPTIONS --release 17
//DESCRIPTION Run the tests: all, or those of the classes named; --jdk all runs them on every JDK found.
//DEPS org.junit.platform:junit-platform-console-standalone:1.14.4
//DEPS org.wiremock:wiremock-standalone:3.13.2
//MAIN RunTests
//SOURCES ../tests/**/*.java ../scripts/**/*.java ../lib/**/*.java

import static org.junit.platform.engine.discovery.ClassNameFilter.includeClassNamePatterns;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClasspathRoots;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherConstants;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

/** Runs the tests, prints them as sentences, and sums up in the last line. */
class RunTests {
  private static final Pattern SUMMARY =
      Pattern.compile("(\\d+) passed, (\\d+) failed, (\\d+) skipped");

  public static void main(String... args) throws Exception {
    var arguments = new ArrayList<>(List.of(args));
    var jdk = arguments.indexOf("--jdk");
    if (jdk < 0) System.exit(run(arguments));
    var which = jdk + 1 < arguments.size() ? arguments.get(jdk + 1) : "all";
    arguments.subList(jdk, Math.min(jdk + 2, arguments.size())).clear();
    System.exit(runOn(which.equals("all") ? jdks() : List.of(Path.of(which)), arguments));
  }

  private static int run(List<String> classNames) throws Exception {
    var own = RunTests.class.getProtectionDomain().getCodeSource().getLocation();
    var patterns =
        classNames.isEmpty()
            ? new String[] {".*Test"}
            : classNames.stream().map(name -> name.replace("*", ".*")).toArray(String[]::new);
    var request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(selectClasspathRoots(Set.of(Path.of(own.toURI()))))
            .filters(includeClassNamePatterns(patterns))
            .configurationParameter(
                "junit.jupiter.displayname.generator.default",
                "org.junit.jupiter.api.DisplayNameGenerator$ReplaceUnderscores")
            .configurationParameter("junit.jupiter.execution.timeout.default", "5 m")
            .configurationParameter(
                "junit.jupiter.execution.timeout.thread.mode.default", "SEPARATE_THREAD")
            .configurationParameter(LauncherConstants.CAPTURE_STDOUT_PROPERTY_NAME, "false")
            .build();
    var summary = new SummaryGeneratingListener();
    LauncherFactory.create().execute(request, summary, new Sentences());
    var result = summary.getSummary();
    result.printFailuresTo(new PrintWriter(System.out, true), 20);
    var failed = result.getTestsFailedCount() + result.getContainersFailedCount();
    if (result.getTestsFoundCount() == 0) {
      System.out.println("error: no test matches " + classNames);
      failed = 1;
    }
    System.out.printf(
        "%d passed, %d failed, %d skipped%n",
        result.getTestsSucceededCount(),
        failed,
        result.getTestsSkippedCount() + result.getTestsAbortedCount());
    System.out.flush();
    return failed == 0 ? 0 : 1;
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

  /** Prints each test as it ends, below its class. */
  private static final class Sentences implements TestExecutionListener {
    private String heading = "";

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
      if (!test.isTest()) {
        result
            .getThrowable()
            .ifPresent(
                e ->
                    System.out.println(
                        (result.getStatus() == TestExecutionResult.Status.ABORTED
                                ? "skipped "
                                : "FAILED ")
                            + test.getDisplayName()
                            + ": "
                            + e.getMessage()));
        return;
      }
      print(
          test,
          switch (result.getStatus()) {
            case SUCCESSFUL -> "  + ";
            case FAILED -> "  FAILED ";
            case ABORTED -> "  skipped ";
          },
          result.getThrowable().map(e -> ": " + e.getMessage()).orElse(""));
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
      print(test, "  skipped ", ": " + reason);
    }

    private void print(TestIdentifier test, String mark, String why) {
      var name =
          test.getUniqueIdObject().getSegments().stream()
              .filter(segment -> segment.getType().equals("class"))
              .map(segment -> segment.getValue())
              .findFirst()
              .orElse("");
      if (!name.equals(heading)) System.out.println(name);
      heading = name;
      System.out.println(mark + test.getDisplayName().replaceFirst("\\(\\)$", "") + why);
    }
  }
}
