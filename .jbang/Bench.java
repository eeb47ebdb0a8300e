///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Measure start-up times, the sandbox beside an empty Javalin, or the MCP bridge beside its peers: bench start|fleet|sandbox|mcp.
//MAIN Bench
//SOURCES BenchFleet.java BenchMcp.java BenchSandbox.java BenchStart.java

/** Which of the benchmarks runs. */
class Bench {
  public static void main(String... args) throws Exception {
    switch (args.length == 0 ? "" : args[0]) {
      case "fleet" -> BenchFleet.main(args);
      case "mcp" -> BenchMcp.main(args);
      case "sandbox" -> BenchSandbox.main(args);
      case "start" -> BenchStart.main(args);
      default -> {
        System.err.println("error: what is to be measured?\n  try: ./jbang bench sandbox");
        System.exit(2);
      }
    }
  }
}
