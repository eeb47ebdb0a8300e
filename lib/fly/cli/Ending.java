//SOURCES ../Machines.java
package fly.cli;

import fly.Machines;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** The end of a Machine's program: a signal first, and a kill if it still runs after some time. */
public final class Ending {
  @Option(
      names = "--signal",
      paramLabel = "SIGNAL",
      description = "The signal to send first, such as TERM (default: the Machine's own, INT).")
  private String signal;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "When to kill what still runs, such as 30s (default: the Machine's own, 5s).")
  private Duration timeout;

  /** The parameters of the request; empty for the Machine's own. */
  public Map<String, String> parameters() {
    var parameters = new LinkedHashMap<String, String>();
    if (signal != null) parameters.put("signal", Machines.signal(signal));
    if (timeout != null) parameters.put("timeout", timeout.toSeconds() + "s");
    return parameters;
  }
}
