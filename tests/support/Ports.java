import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/** Ports for servers that begin to listen later, or again. */
final class Ports {
  private Ports() {}

  /** A free port that no client of this machine is given: those are from 32768 on. */
  static int free() {
    for (var tries = 0; tries < 1000; tries++) {
      var port = ThreadLocalRandom.current().nextInt(12_000, 32_000);
      try (var socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return socket.getLocalPort();
      } catch (IOException e) {
        // the port is in use
      }
    }
    throw new IllegalStateException("no port is free");
  }
}
