//SOURCES ../Network.java
package fly.cli;

import fly.Network;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The option {@code --cacert}, as curl has it. */
public final class Trust {
  @Option(
      names = "--cacert",
      paramLabel = "FILE",
      description = "PEM file of the authorities to trust ($$SSL_CERT_FILE).")
  void authorities(Path file) {
    if (file != null) Network.trust(file.toAbsolutePath());
  }
}
