//SOURCES model/Clock.java
package fly.sandbox;

import fly.sandbox.model.Clock;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The settings of a sandbox.
 *
 * @param port 0 for any free one
 * @param token the token that clients have to send; null for a random one
 * @param story takes a line about something that the user should know
 * @param data the folder that keeps everything for the next sandbox; null to keep nothing
 * @param images shell commands that Machines of an image run here, by the image's name, with or
 *     without its tag
 * @param clock the time by which the sandbox works
 * @param filesServer main class that replaces npm's files server on a computer without Node; null
 *     for none
 */
public record SandboxConfig(
    int port,
    String token,
    Consumer<String> story,
    Path data,
    Map<String, String> images,
    Clock clock,
    Class<?> filesServer) {
  public SandboxConfig(int port, String token, Consumer<String> story) {
    this(port, token, story, null, Map.of(), Clock.real(), null);
  }

  public static SandboxConfig onPort(int port) {
    return new SandboxConfig(port, null, line -> {});
  }

  public SandboxConfig tell(Consumer<String> story) {
    return new SandboxConfig(port, token, story, data, images, clock, filesServer);
  }

  public SandboxConfig keep(Path data) {
    return new SandboxConfig(port, token, story, data, images, clock, filesServer);
  }

  public SandboxConfig at(Clock clock) {
    return new SandboxConfig(port, token, story, data, images, clock, filesServer);
  }

  public SandboxConfig filesServer(Class<?> main) {
    return new SandboxConfig(port, token, story, data, images, clock, main);
  }

  public SandboxConfig run(Map<String, String> images) {
    return new SandboxConfig(port, token, story, data, images, clock, filesServer);
  }
}
