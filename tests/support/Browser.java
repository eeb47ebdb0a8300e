import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A headless Chromium with one page, driven by its DevTools protocol; without one, tests skip. */
final class Browser implements AutoCloseable {
  private final HttpClient http = Http.CLIENT;
  private final AtomicInteger ids = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> open = new ConcurrentHashMap<>();
  private final List<String> requested = new CopyOnWriteArrayList<>();
  private final StringBuilder text = new StringBuilder();
  private final Path out;
  private final Path sockets;
  private final Process process;
  private final WebSocket socket;

  /**
   * @param folder for its profile
   */
  Browser(Path folder, String url) throws Exception {
    var chromium =
        List.of("chromium", "chromium-browser", "google-chrome").stream()
            .map(name -> Path.of("/usr/bin", name))
            .filter(Files::isExecutable)
            .findFirst();
    assumeTrue(chromium.isPresent(), "no Chromium here");
    out = folder.resolve("out");
    sockets = Files.createTempDirectory(Path.of("/tmp"), "chromium");
    var builder =
        new ProcessBuilder(
                chromium.get().toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--remote-debugging-port=0",
                "--user-data-dir=" + folder.resolve("profile"),
                "about:blank")
            .redirectErrorStream(true)
            .redirectOutput(out.toFile());
    // It leaves a socket there, whose path may have 107 bytes: a folder of the tests is too deep.
    builder.environment().put("TMPDIR", sockets.toString());
    process = builder.start();
    socket =
        http.newWebSocketBuilder()
            .buildAsync(URI.create(page(folder.resolve("profile/DevToolsActivePort"))), listener())
            .join();
    call("Network.enable", "{}");
    call("Page.enable", "{}");
    call("Page.navigate", "{\"url\": \"" + url + "\"}");
    await("document.readyState == 'complete' && location.href != 'about:blank'");
  }

  private String page(Path active) throws Exception {
    for (int i = 0; i < Await.LIMIT_MS / 100 && process.isAlive(); i++) {
      Fly.pause(100);
      if (!Files.exists(active) || Files.readAllLines(active).size() < 2) continue;
      var list = URI.create("http://127.0.0.1:" + Files.readAllLines(active).get(0) + "/json");
      var targets =
          http.send(HttpRequest.newBuilder(list).build(), HttpResponse.BodyHandlers.ofString());
      for (var target : Fly.JSON.readTree(targets.body())) {
        if (!target.path("type").asText().equals("page")) continue;
        return target.path("webSocketDebuggerUrl").asText();
      }
    }
    process.destroyForcibly();
    throw new IllegalStateException("Chromium did not start: " + Files.readString(out));
  }

  private WebSocket.Listener listener() {
    return new WebSocket.Listener() {
      @Override
      public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
        text.append(part);
        if (last) {
          heard(text.toString());
          text.setLength(0);
        }
        socket.request(1);
        return null;
      }
    };
  }

  private void heard(String message) {
    try {
      var json = Fly.JSON.readTree(message);
      if (json.path("method").asText().equals("Network.requestWillBeSent")) {
        requested.add(json.at("/params/request/url").asText());
      }
      var waiting = open.remove(json.path("id").asInt());
      if (waiting != null) waiting.complete(json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private JsonNode call(String method, String params) throws Exception {
    var id = ids.incrementAndGet();
    var answer = new CompletableFuture<JsonNode>();
    open.put(id, answer);
    var message = "{\"id\": %d, \"method\": \"%s\", \"params\": %s}".formatted(id, method, params);
    socket.sendText(message, true).join();
    return Await.value(answer);
  }

  /** The value of a JavaScript expression, or of its promise. */
  JsonNode evaluate(String expression) throws Exception {
    var params = Fly.JSON.createObjectNode().put("expression", expression);
    params.put("returnByValue", true).put("awaitPromise", true);
    var answer = call("Runtime.evaluate", params.toString());
    assertEquals("", answer.at("/result/exceptionDetails/exception/description").asText());
    return answer.at("/result/result/value");
  }

  /** Waits until the expression is true. */
  void await(String expression) throws Exception {
    Await.until(() -> evaluate(expression).asBoolean(), () -> expression + " at " + place());
  }

  private String place() {
    try {
      return "" + evaluate("location.href + ', ' + document.readyState + ', ' + document.title");
    } catch (Exception e) {
      return "no page: " + e;
    }
  }

  /** Presses a key, such as Tab or Enter. */
  void press(String key) throws Exception {
    var code = Map.of("Tab", 9, "Enter", 13, "Escape", 27, "Space", 32, "/", 191).get(key);
    var character =
        key.equals("Enter") ? "\\r" : key.equals("Space") ? " " : key.equals("/") ? "/" : "";
    var name = key.equals("Space") ? " " : key;
    var keyed =
        "{\"type\": \"%s\", \"key\": \"%s\", \"code\": \"%s\", \"windowsVirtualKeyCode\": %d%s}";
    var with = character.isEmpty() ? "" : ", \"text\": \"" + character + "\"";
    call("Input.dispatchKeyEvent", keyed.formatted("keyDown", name, key, code, with));
    call("Input.dispatchKeyEvent", keyed.formatted("keyUp", name, key, code, ""));
  }

  void type(String text) throws Exception {
    call("Input.insertText", Fly.JSON.createObjectNode().put("text", text).toString());
  }

  void clearCookies() throws Exception {
    call("Network.clearBrowserCookies", "{}");
  }

  /**
   * @param scheme light or dark
   */
  void prefer(String scheme) throws Exception {
    call(
        "Emulation.setEmulatedMedia",
        "{\"features\": [{\"name\": \"prefers-color-scheme\", \"value\": \"%s\"}]}"
            .formatted(scheme));
  }

  void width(int pixels) throws Exception {
    call(
        "Emulation.setDeviceMetricsOverride",
        "{\"width\": %d, \"height\": 900, \"deviceScaleFactor\": 1, \"mobile\": false}"
            .formatted(pixels));
  }

  /** The addresses that the page has asked for. */
  List<String> requested() {
    return new ArrayList<>(requested);
  }

  @Override
  public void close() throws Exception {
    socket.abort();
    var family = process.descendants().toList();
    process.destroy();
    Await.exit(process);
    family.forEach(ProcessHandle::destroyForcibly);
    for (var each : family) Await.value(each.onExit());
    try (var left = Files.walk(sockets)) {
      for (var each : left.sorted(Comparator.reverseOrder()).toList()) Files.deleteIfExists(each);
    }
  }
}
