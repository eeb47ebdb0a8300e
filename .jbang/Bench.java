///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Measure the sandbox beside an empty Javalin, or the MCP bridge beside its peers: bench sandbox|mcp.
//MAIN Bench
//SOURCES BenchFleet.java BenchMcp.java BenchSandbox.java

/** Which of the benchmarks runs. */
class Bench {
  public static void main(String... args) throws Exception {
    switch (args.length == 0 ? "" : args[0]) {
      case "fleet" -> BenchFleet.main(args);
      case "mcp" -> BenchMcp.main(args);
      case "sandbox" -> BenchSandbox.main(args);
      default -> {
        System.err.println("error: what is to be measured?\n  try: ./jbang bench sandbox");
        System.exit(2);
      }
    }
  }
}
