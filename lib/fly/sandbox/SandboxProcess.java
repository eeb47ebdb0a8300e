package fly.sandbox;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;

/** Reads what a sandbox in another process prints, and finds out if one listens. */
public final class SandboxProcess {
  private SandboxProcess() {}

  /** The lines that the sandbox prints once it answers; empty if it ended instead. */
  public static List<String> firstParagraph(BufferedReader out) throws IOException {
    var lines = new ArrayList<String>();
    for (var line = out.readLine(); line != null && !line.isEmpty(); line = out.readLine()) {
      lines.add(line);
    }
    return lines;
  }

  /** The port in the line {@code export FLY_API_HOSTNAME='http://...:4280'}. */
  public static int portIn(List<String> exports) {
    return exports.stream()
        .filter(line -> line.contains("FLY_API_HOSTNAME"))
        .mapToInt(line -> Integer.parseInt(line.replaceFirst(".*:(\\d+)'$", "$1")))
        .findFirst()
        .orElseThrow();
  }

  /** A program listens at this port of this computer. */
  public static boolean listens(int port) {
    try (var socket = new Socket("127.0.0.1", port)) {
      return socket.isConnected();
    } catch (ConnectException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }
}
