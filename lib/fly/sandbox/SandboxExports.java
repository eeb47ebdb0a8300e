//SOURCES model/Org.java
//FILES no-sandbox.sh
package fly.sandbox;

import fly.sandbox.model.Org;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Variables that direct scripts, curl and flyctl to a sandbox, as lines for a shell. */
public final class SandboxExports {
  /** Every variable that directs flyctl to another host (superfly/flyctl, fly-go). */
  private static final List<String> FLYCTL_HOSTS =
      List.of(
          "FLY_API_BASE_URL",
          "FLY_FLAPS_BASE_URL",
          "FLY_UIEX_BASE_URL",
          "FLY_METRICS_BASE_URL",
          "FLY_SYNTHETICS_BASE_URL",
          "FLY_TRACE_COLLECTOR_URL",
          "FLY_STATUSPAGE_UNRESOLVED_INCIDENTS_URL");

  private SandboxExports() {}

  /**
   * @param rateLimits true makes commands keep to Fly.io's rate limits
   */
  public static Map<String, String> of(String url, String token, boolean rateLimits) {
    var variables = new LinkedHashMap<String, String>();
    variables.put("ORG", Org.SLUG);
    variables.put("FLY_API_TOKEN", token);
    variables.put("FLY_ACCESS_TOKEN", token); // flyctl prefers it to FLY_API_TOKEN
    variables.put("FLY_API_HOSTNAME", url);
    for (var host : FLYCTL_HOSTS) variables.put(host, url);
    variables.put("FLY_EDGE_URL", url + "/edge/{app}/");
    variables.put("FLY_SEND_METRICS", "0");
    variables.put("FLY_SYNTHETICS_AGENT", "0");
    variables.put("FLY_NO_UPDATE_CHECK", "1");
    variables.put("FLY_NO_INCIDENTS_CHECK", "1");
    if (rateLimits) variables.put("FLY_RATE_LIMITS", "on");
    return variables;
  }

  /** A line that a shell can evaluate, for each of these variables. */
  static List<String> lines(Map<String, String> variables) {
    return variables.entrySet().stream()
        .map(variable -> "export %s='%s'".formatted(variable.getKey(), variable.getValue()))
        .toList();
  }

  /**
   * Prints lines that make every later command refuse. {@code eval "$(...)"} hides the failure of a
   * command in it, and the lines after it would reach the real Fly.io.
   */
  public static void refuse(OutputStream stdout) {
    try (var in = SandboxExports.class.getResourceAsStream("/no-sandbox.sh")) {
      in.transferTo(stdout);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
