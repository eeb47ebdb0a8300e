//SOURCES ../../FlyException.java WrapOptions.java WrapServer.java
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8
package fly.mcp.wrap;

import fly.FlyException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/**
 * {@code fly-mcp-wrap} without a command-line library: the program that is shipped to Machines, and
 * that the sandbox starts.
 */
public final class WrapMain {
  /** Path of this file in the repository: JBang runs it on Machines. */
  public static final String SOURCE = "lib/" + WrapMain.class.getName().replace('.', '/') + ".java";

  private WrapMain() {}

  public static void main(String... args) throws InterruptedException {
    System.exit(run(args));
  }

  private static int run(String... args) throws InterruptedException {
    var out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    var err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    if (Set.of("-h", "--help").contains(args.length == 0 ? "" : args[0])) {
      out.println("usage: fly-mcp-wrap [OPTIONS] -- COMMAND");
      out.println("options: " + String.join(" ", new WrapOptions().names()));
      return 0;
    }
    try {
      return serve(WrapOptions.parse(args));
    } catch (FlyException e) {
      err.println("error: " + e.what);
      if (!e.why.isEmpty()) err.println("  why: " + e.why);
      if (!e.tryNext.isEmpty()) err.println("  try: " + e.tryNext);
      return e.exitCode;
    }
  }

  /**
   * Serves until the program has ended.
   *
   * @return the program's exit code
   */
  public static int serve(WrapOptions options) throws InterruptedException {
    var out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    var err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    var server = new WrapServer(out::println, options.quiet ? line -> {} : err::println);
    server.startEarly(options);
    return server.run(options);
  }
}
