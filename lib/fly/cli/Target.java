//SOURCES ../Settings.java
package fly.cli;

import fly.Settings;
import java.net.URI;

/** The Fly.io of a command: the real one, or a sandbox. */
final class Target {
  private Target() {}

  /** The target in a few words. */
  static String here() {
    var address = Settings.FLY_API_HOSTNAME.get();
    String host;
    try {
      host = String.valueOf(URI.create(address).getHost());
    } catch (IllegalArgumentException e) {
      return address;
    }
    if (host.matches("localhost|.*\\.localhost|127(\\.\\d{1,3}){3}|\\[::1]")) {
      return "the sandbox at " + address;
    }
    var fly = host.matches("api\\.machines\\.dev|.*\\.fly\\.io") || address.contains(".internal");
    return fly ? "Fly.io" : address;
  }
}
