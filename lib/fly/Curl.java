//SOURCES Json.java Network.java ShellWord.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;

/** Writes a request as the curl command of the guide. */
final class Curl {
  private Curl() {}

  static String command(String method, String url, JsonNode body, String leaseNonce) {
    var command = new StringBuilder("curl -i -X ").append(method).append(" \\\n");
    var authorities = Network.trusted();
    if (authorities != null) command.append("--cacert \"").append(authorities).append("\" \\\n");
    command.append("-H \"Authorization: Bearer ${FLY_API_TOKEN}\" \\\n");
    if (leaseNonce != null) {
      command.append("-H \"fly-machine-lease-nonce: ").append(leaseNonce).append("\" \\\n");
    }
    if (body != null) command.append("-H \"Content-Type: application/json\" \\\n");
    command.append('"').append(url).append('"');
    if (body != null) {
      command.append(" \\\n-d ").append(ShellWord.quoted(Json.pretty(body)));
    }
    return command.toString();
  }
}
