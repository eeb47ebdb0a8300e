//SOURCES ../Fly.java ../FlyException.java SandboxExports.java SandboxOptions.java api/Gatekeeper.java
//SOURCES store/SandboxFile.java
package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.sandbox.api.Gatekeeper;
import fly.sandbox.store.SandboxFile;
import java.io.IOException;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/** A sandbox of this user in another process, found by its port. */
public final class SandboxProcess {
  private static final int PATIENCE_MS = 10_000; // for a busy computer

  private static final long LONGEST_END_S = 30;

  private final SandboxFile.Entry entry;
  private final JsonNode status;

  private SandboxProcess(SandboxFile.Entry entry, JsonNode status) {
    this.entry = entry;
    this.status = status;
  }

  /** The sandbox on this port; empty if none of this user answers there. */
  public static Optional<SandboxProcess> on(int port) {
    var entry = SandboxFile.find(port);
    if (entry.isEmpty()) return Optional.empty();
    try {
      var answer = ask(port, entry.get().token(), "GET", "/sandbox", null);
      if (answer.status != 200) return Optional.empty();
      return Optional.of(new SandboxProcess(entry.get(), answer.body));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Waits for a sandbox that listens already, and has no file yet. */
  public static Optional<SandboxProcess> starting(int port) {
    var found = on(port);
    for (int i = 0; i < 100 && found.isEmpty() && isOthers(port); i++) {
      Fly.pause(50);
      found = on(port);
    }
    return found;
  }

  /**
   * The sandbox on this port, for commands that need one.
   *
   * @throws FlyException if there is none
   */
  public static SandboxProcess require(int port) {
    return on(port).orElseThrow(() -> nobody(port));
  }

  private static FlyException nobody(int port) {
    var start = "eval \"$(fly-sandbox --start" + onPort(port) + ")\"";
    if (isOthers(port)) {
      return new FlyException(
          "the sandbox on port " + port + " does not obey you",
          "another user started it, or one with another folder for temporary files",
          "fly-sandbox --start --port 0 starts one of your own");
    }
    return new FlyException(
        "no sandbox runs on port " + port, "nothing that answers like one is there", start);
  }

  /**
   * @throws FlyException if a program listens on this port
   */
  public static void requireFree(int port) {
    if (port == 0 || !listens(port)) return;
    on(port)
        .ifPresent(
            sandbox -> {
              throw new FlyException(
                  "a sandbox is running on port " + port + " already",
                  "process %s, since %s"
                      .formatted(sandbox.pid(), sandbox.status.path("started_at").asText()),
                  "fly-sandbox --stop%s, or --port 0 for one more".formatted(onPort(port)));
            });
    throw new FlyException(
        "port " + port + " is taken",
        isOthers(port)
            ? "a sandbox of another user runs there"
            : "some other program listens there",
        "another port: --port 0 takes any free one");
  }

  /** A sandbox answers here, and not to this user's token. */
  private static boolean isOthers(int port) {
    if (port == 0) return false;
    try {
      return Gatekeeper.REALM.equals(ask(port, null, "GET", "/sandbox", null).realm);
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean listens(int port) {
    try (var socket = new Socket("127.0.0.1", port)) {
      return socket.isConnected();
    } catch (ConnectException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  /**
   * Accepts options that the sandbox has.
   *
   * @throws FlyException if one was given that differs
   */
  public void require(SandboxOptions options) {
    var differences = options.differences(status.path("options"));
    if (differences.isEmpty()) return;
    throw new FlyException(
        "a sandbox with other options is running on port " + port() + " already",
        "it differs in " + String.join(", ", differences),
        "fly-sandbox --change%s --fault ... for rate limits, latency and faults; --stop for the rest"
            .formatted(onPort(port())));
  }

  public int port() {
    return URI.create(entry.url()).getPort();
  }

  /** This port as an option; empty for the default port. */
  static String onPort(int port) {
    return port == 4280 ? "" : " --port " + port;
  }

  public String onPort() {
    return onPort(port());
  }

  public long pid() {
    return entry.process().pid();
  }

  /** Its log file; null if it logs to its terminal. */
  public String log() {
    return entry.log();
  }

  public List<String> exports() {
    return SandboxExports.lines(
        SandboxExports.of(
            entry.url(), entry.token(), status.at("/options/rate_limits").asBoolean()));
  }

  /** The sandbox's own report. */
  public JsonNode status() {
    return status;
  }

  /** A link that opens the page, once. */
  public String page() {
    return status.path("page").asText();
  }

  /**
   * Sets the rate limits, latency and faults of the sandbox to those of these options.
   *
   * @throws FlyException if the sandbox refuses them
   */
  public JsonNode change(SandboxOptions options) {
    try {
      var answer = ask(port(), entry.token(), "POST", "/sandbox/trouble", options.json());
      if (answer.status == 200) return answer.body;
      throw FlyException.usage(
          "the sandbox does not take that",
          answer.body.path("error").asText(),
          "fly-sandbox --help");
    } catch (IOException e) {
      throw nobody(port());
    }
  }

  /** Stops it and waits for its end. */
  public void stop() {
    try {
      ask(port(), entry.token(), "POST", "/sandbox/stop", null);
    } catch (IOException e) {
      // it may stop before its answer has left
    }
    try {
      entry.process().onExit().orTimeout(LONGEST_END_S, TimeUnit.SECONDS).join();
    } catch (CompletionException e) {
      throw new FlyException(
          "the sandbox on port %d does not end".formatted(port()),
          "its process %d still runs after %d s".formatted(pid(), LONGEST_END_S),
          "kill " + pid());
    }
  }

  private record Answer(int status, String realm, JsonNode body) {}

  private static Answer ask(int port, String token, String method, String path, JsonNode body)
      throws IOException {
    var url = URI.create("http://127.0.0.1:" + port + path).toURL();
    var request = (HttpURLConnection) url.openConnection(Proxy.NO_PROXY);
    request.setRequestMethod(method);
    request.setConnectTimeout(PATIENCE_MS);
    request.setReadTimeout(PATIENCE_MS);
    request.setInstanceFollowRedirects(false);
    if (token != null) request.setRequestProperty("Authorization", "Bearer " + token);
    if (body != null) {
      request.setDoOutput(true);
      try (var out = request.getOutputStream()) {
        out.write(Fly.JSON.writeValueAsBytes(body));
      }
    }
    var status = request.getResponseCode();
    try (var in = status < 400 ? request.getInputStream() : request.getErrorStream()) {
      var json = in == null ? Fly.JSON.missingNode() : Fly.JSON.readTree(in.readAllBytes());
      return new Answer(status, request.getHeaderField("WWW-Authenticate"), json);
    } finally {
      request.disconnect();
    }
  }
}
