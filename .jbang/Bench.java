///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Measure, beside peers in the same run: bench start|guide|fleet|sandbox|mcp|soak, each with --json and --html FILE; fails if a mark is missed.
//MAIN Bench
//SOURCES BenchFleet.java BenchGuide.java BenchMcp.java BenchReport.java BenchSandbox.java BenchSoak.java BenchStart.java

import java.util.List;

/** The benchmark that is named. */
class Bench {
  private interface Benchmark {
    void run(BenchReport report) throws Exception;
  }

  public static void main(String... args) throws Exception {
    var name = args.length == 0 ? "" : args[0];
    Benchmark benchmark =
        switch (name) {
          case "fleet" -> BenchFleet::run;
          case "guide" -> BenchGuide::run;
          case "mcp" -> BenchMcp::run;
          case "sandbox" -> BenchSandbox::run;
          case "soak" -> BenchSoak::run;
          case "start" -> BenchStart::run;
          default -> null;
        };
    if (benchmark == null) {
      System.err.println(
          "error: no benchmark is named\n  try: ./jbang bench start|guide|fleet|sandbox|mcp|soak");
      System.exit(2);
    }
    var report = new BenchReport(name, List.of(args).subList(1, args.length));
    benchmark.run(report);
    System.exit(report.end());
  }
}
