//SOURCES FlyException.java
package fly;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Locale;

/**
 * Names of Fly.io's private network, where WireGuard encrypts what plain http does not. Another
 * network, such as an office's, may have the same names. The addresses differ, because each private
 * network of Fly.io is in fdaa::/16 (https://fly.io/docs/networking/private-networking/).
 */
public final class PrivateNetwork {
  private PrivateNetwork() {}

  /** True if the name ends as those of the private network do. */
  public static boolean named(String host) {
    var name = host.toLowerCase(Locale.ROOT);
    return name.endsWith(".internal") || name.endsWith(".flycast");
  }

  /**
   * Refuses a name whose address is outside the private network; one without an address cannot be
   * reached at all.
   *
   * @throws FlyException because a token would travel in the clear
   */
  static void require(String host) {
    try {
      for (var address : InetAddress.getAllByName(host)) {
        if (holds(address)) continue;
        throw FlyException.usage(
            "a token must not travel in the clear to " + host,
            "here it is " + address.getHostAddress() + ", outside Fly.io's private network",
            "https://api.machines.dev, or fly wireguard create");
      }
    } catch (UnknownHostException e) {
      // nothing will be sent
    }
  }

  /** True if the address is one of Fly.io's private networks, or this machine's own. */
  public static boolean holds(InetAddress address) {
    var bytes = address.getAddress();
    var sixPn = bytes.length == 16 && bytes[0] == (byte) 0xfd && bytes[1] == (byte) 0xaa;
    return sixPn || address.isLoopbackAddress();
  }
}
