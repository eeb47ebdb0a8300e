import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.Network;
import fly.mcp.proxy.HttpSender;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Proxies and certificates, for the API's client and for the MCP client alike. */
class NetworkTest {
  private static final List<String> VARIABLES =
      List.of("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy");
  private static final List<String> OTHERS = List.of("NO_PROXY", "no_proxy", "SSL_CERT_FILE");
  private static final String PASSWORD = "sesame-7";

  @TempDir static Path folder;
  private static Tls tls;

  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final List<String> verbose = new CopyOnWriteArrayList<>();
  private HttpServer server;

  @BeforeAll
  static void sign() {
    tls =
        new Tls(folder)
            .sign("good", "dns:localhost,dns:api.test,ip:127.0.0.1", "")
            .sign("expired", "ip:127.0.0.1", "-startdate -9d -validity 2")
            .sign("future", "ip:127.0.0.1", "-startdate +3d -validity 9")
            .sign("other", "dns:elsewhere.test", "");
  }

  @BeforeEach
  void clear() throws IOException {
    for (var name : VARIABLES) System.setProperty(name, "");
    for (var name : OTHERS) System.setProperty(name, "");
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
  }

  @AfterEach
  void end() {
    server.stop(0);
  }

  @AfterAll
  static void forget() {
    for (var name : VARIABLES) System.clearProperty(name);
    for (var name : OTHERS) System.clearProperty(name);
  }

  private void answer(HttpExchange exchange) throws IOException {
    requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
    exchange.getRequestBody().readAllBytes();
    var body = "{\"id\":\"m1\",\"name\":\"a\"}".getBytes();
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private HttpsServer secure(String alias) throws Exception {
    server.stop(0);
    var secure = tls.serve(alias, this::answer);
    server = secure;
    return secure;
  }

  private String url(String scheme, String host) {
    return scheme + "://" + host + ":" + server.getAddress().getPort();
  }

  private Fly fly(String url) {
    Script.settings(url, FakeFly.TOKEN);
    return Fly.connect(null, verbose::add, (format, args) -> {})
        .within(Deadline.after(Duration.ofSeconds(20)));
  }

  private void bothReach(String url) throws IOException {
    assertEquals("m1", fly(url).get("/v1/apps/{app}", "a").path("id").asText());
    assertEquals(200, HttpSender.statusOfEmptyPost(URI.create(url + "/mcp?a=b"), Await.LIMIT_MS));
    assertEquals(List.of("GET /v1/apps/a", "POST /mcp?a=b"), requests);
  }

  /** Both clients fail with words that the reader can act on, at once, and nothing was sent. */
  private String bothFail(String url, String... words) throws Exception {
    var read = assertThrows(FlyException.class, () -> fly(url).get("/v1/apps/{app}", "a"));
    assertEquals(1, verbose.stream().filter(line -> line.startsWith("> ")).count(), "" + verbose);
    var create =
        assertThrows(
            FlyException.class, () -> fly(url).post("/v1/apps", Fly.JSON.createObjectNode()));
    assertEquals(FlyException.REFUSED, read.exitCode);
    assertEquals(FlyException.REFUSED, create.exitCode, "it was not sent: " + create);
    FlyException mcp;
    String told;
    try (var bridge = Bridge.to(url + "/mcp")) {
      bridge.send(Bridge.INITIALIZE);
      told = bridge.next().at("/error/message").asText();
      mcp = bridge.leave();
    }
    assertEquals(FlyException.REFUSED, mcp.exitCode);
    for (var word : words) {
      for (var text : List.of(read.toString(), create.toString(), mcp.toString())) {
        assertTrue(text.contains(word), word + " is not in " + text);
      }
    }
    assertEquals(List.of(), requests);
    var all = read + "\n" + create + "\n" + mcp + "\n" + told + verbose;
    assertFalse(all.contains(PASSWORD), all);
    assertFalse(mcp.tryNext.isEmpty() || read.tryNext.isEmpty(), all);
    return all;
  }

  @ParameterizedTest
  @CsvSource({
    "*, true",
    "api.test, true",
    "test, true",
    ".test, true",
    "*.test, true",
    "API.Test, true",
    "api.test:443, true",
    "api.test:80, false",
    "pi.test, false",
    "'a.org, api.test', true",
    "api.test.org, false",
    "'', false"
  })
  void NO_PROXY_names_hosts_and_domains(String value, boolean direct) {
    var network =
        new Network(Map.of("HTTPS_PROXY", "http://proxy.test:3128", "NO_PROXY", value)::get);

    assertEquals(direct, network.proxy("https", "api.test", 443).isEmpty());
  }

  @Test
  void a_proxy_is_taken_from_the_variable_of_its_scheme() {
    var both = Map.of("HTTPS_PROXY", "s.test:1", "HTTP_PROXY", "http://h.test:2");
    var network = new Network(both::get);

    assertEquals("http://s.test:1", network.proxy("https", "api.test", 443).get().toString());
    assertEquals("http://h.test:2", network.proxy("http", "api.test", 80).get().toString());
    assertTrue(network.proxy("https", "127.0.0.1", 443).isEmpty(), "never for this machine");
    assertTrue(network.proxy("http", "a.internal", 80).isEmpty(), "never for a private network");
    assertTrue(new Network(Map.<String, String>of()::get).proxy("https", "a.test", 1).isEmpty());
    var lower = new Network(Map.of("https_proxy", "l.test:3", "HTTPS_PROXY", "u.test:4")::get);
    assertEquals("http://l.test:3", lower.proxy("https", "api.test", 443).get().toString());
    var all = new Network(Map.of("ALL_PROXY", "a.test:5")::get);
    assertEquals("http://a.test:5", all.proxy("http", "api.test", 80).get().toString());
  }

  @Test
  void HTTP_PROXY_in_a_CGI_program_comes_from_its_client_and_is_not_obeyed() {
    var network = new Network(Map.of("HTTP_PROXY", "evil.test:1", "REQUEST_METHOD", "GET")::get);

    assertTrue(network.proxy("http", "api.test", 80).isEmpty());
  }

  @Test
  void a_proxy_that_is_not_supported_is_a_wrong_setting_and_its_password_is_not_shown() {
    System.setProperty("HTTPS_PROXY", "socks5://me:" + PASSWORD + "@proxy.test:1080");

    var api = assertThrows(FlyException.class, () -> fly("https://api.test").get("/v1/apps"));
    var mcp = assertThrows(FlyException.class, () -> Bridge.to("https://api.test/"));

    for (var e : List.of(api, mcp)) {
      assertEquals(FlyException.USAGE, e.exitCode, e::toString);
      assertTrue(e.toString().contains("HTTPS_PROXY"), e::toString);
      assertFalse(e.toString().contains(PASSWORD), e::toString);
    }
  }

  @Test
  void plain_requests_go_by_way_of_the_proxy_with_its_credentials() throws Exception {
    try (var proxy = new ForwardProxy(server.getAddress().getPort())) {
      System.setProperty("HTTP_PROXY", "http://me:ses%40me@127.0.0.1:" + proxy.port());

      assertEquals(200, Fly.http().get("http://app.test:8080/a").asString().getStatus());
      assertEquals(
          200, HttpSender.statusOfEmptyPost(URI.create("http://app.test/mcp?a=b"), Await.LIMIT_MS));

      assertEquals(List.of("GET /a", "POST /mcp?a=b"), requests);
      assertTrue(
          proxy.heads.get(0).startsWith("GET http://app.test:8080/a HTTP/1.1\r\n"),
          proxy.heads.get(0));
      assertTrue(
          proxy.heads.get(1).startsWith("POST http://app.test/mcp?a=b HTTP/1.1\r\n"),
          proxy.heads.get(1));
      for (var head : proxy.heads) {
        assertTrue(head.contains("\r\nProxy-Authorization: Basic bWU6c2VzQG1l\r\n"), head);
      }
    }
  }

  @Test
  void a_proxy_that_asks_for_credentials_is_named_at_once_and_so_is_its_variable()
      throws Exception {
    try (var proxy = new ForwardProxy(server.getAddress().getPort()).refuse(407)) {
      System.setProperty("HTTPS_PROXY", proxy.url());
      System.setProperty("http_proxy", "http://me:" + PASSWORD + "@127.0.0.1:" + proxy.port());

      bothFail("https://api.test", proxy.url(), "HTTPS_PROXY wants a user and a password (407)");
      try (var bridge = Bridge.to("http://app.test/")) {
        var told = bridge.send(Bridge.INITIALIZE).next().at("/error/message").asText();
        assertTrue(told.contains("http_proxy does not accept this user"), told);
        assertFalse((told + bridge.leave()).contains(PASSWORD), told);
      }
    }
  }

  @Test
  void a_proxy_that_forbids_a_host_is_named_at_once() throws Exception {
    try (var proxy = new ForwardProxy(server.getAddress().getPort()).refuse(403)) {
      System.setProperty("HTTPS_PROXY", proxy.url());

      bothFail(
          "https://api.test", proxy.url(), "refuses this connection (403)", "NO_PROXY=api.test");
    }
  }

  @Test
  void a_proxy_that_is_not_there_is_named() throws Exception {
    var port = Ports.free();
    System.setProperty("HTTPS_PROXY", "http://127.0.0.1:" + port);

    var e = assertThrows(FlyException.class, () -> fly("https://api.test").get("/v1/apps"));

    assertTrue(e.why.contains("the proxy http://127.0.0.1:" + port), e::toString);
    assertTrue(e.why.contains("HTTPS_PROXY") && e.why.contains("refused"), e::toString);
    try (var bridge = Bridge.to("https://api.test/", Duration.ofSeconds(3))) {
      var told = bridge.send(Bridge.INITIALIZE).next().at("/error/message").asText();
      assertTrue(told.contains("the proxy http://127.0.0.1:" + port), told);
    }
  }

  @Test
  void a_zipped_answer_is_read_and_a_bomb_is_refused() throws Exception {
    server.removeContext("/");
    server.createContext("/good", exchange -> zipped(exchange, "{\"a\":1}".getBytes()));
    server.createContext("/bomb", exchange -> zipped(exchange, new byte[64 << 20]));
    var fly = fly(url("http", "127.0.0.1"));

    assertEquals(1, fly.get("/good").path("a").asInt());
    var e = assertThrows(FlyException.class, () -> fly.post("/bomb", null));
    assertTrue(e.why.contains("larger than 32 MiB"), e::toString);
  }

  private static void zipped(HttpExchange exchange, byte[] body) throws IOException {
    var zipped = new ByteArrayOutputStream();
    try (var zip = new GZIPOutputStream(zipped)) {
      zip.write(body);
    }
    exchange.getResponseHeaders().set("Content-Encoding", "gzip");
    exchange.sendResponseHeaders(200, zipped.size());
    zipped.writeTo(exchange.getResponseBody());
    exchange.close();
  }

  @Test
  @Tag("slow")
  void a_certificate_that_nobody_vouches_for_names_the_trust_store_and_the_companys_proxy()
      throws Exception {
    secure("good");

    bothFail(
        url("https", "127.0.0.1"),
        "the JDK's trust store does not know who signed its certificate",
        "a company's proxy signs its own",
        "export SSL_CERT_FILE=FILE.pem, or --cacert FILE.pem");
  }

  @Test
  @Tag("slow")
  void SSL_CERT_FILE_is_the_trust_store_of_both_clients() throws Exception {
    secure("good");
    System.setProperty("SSL_CERT_FILE", tls.authority.toString());

    bothReach(url("https", "127.0.0.1"));
  }

  @Test
  @Tag("slow")
  void a_certificate_that_is_over_or_of_tomorrow_or_of_another_name_is_told_so() throws Exception {
    System.setProperty("SSL_CERT_FILE", tls.authority.toString());
    for (var wrong :
        Map.of(
                "expired", "its certificate has expired",
                "future", "its certificate is not valid yet",
                "other", "its certificate is for another name")
            .entrySet()) {
      secure(wrong.getKey());
      verbose.clear();

      bothFail(url("https", "127.0.0.1"), wrong.getValue(), "openssl s_client -connect 127.0.0.1");
    }
  }

  @Test
  void a_port_that_speaks_no_TLS_is_told_so() throws Exception {
    try (var plain = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      var thread = new Thread(() -> refuse(plain), "plain");
      thread.setDaemon(true);
      thread.start();

      bothFail("https://127.0.0.1:" + plain.getLocalPort(), "it does not speak TLS on this port");
    }
  }

  private static void refuse(ServerSocket plain) {
    while (true) {
      try (var client = plain.accept()) {
        client.getInputStream().read();
        client.getOutputStream().write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes());
      } catch (IOException e) {
        return;
      }
    }
  }

  @Test
  @Tag("slow")
  void a_file_without_certificates_is_a_wrong_setting() throws Exception {
    secure("good");
    for (var file : List.of(Tls.notPem(folder), folder.resolve("none.pem"))) {
      System.setProperty("SSL_CERT_FILE", file.toString());

      var url = url("https", "127.0.0.1");
      var api = assertThrows(FlyException.class, () -> fly(url).get("/v1/apps"));
      var mcp = assertThrows(FlyException.class, () -> Bridge.to(url));

      for (var e : List.of(api, mcp)) {
        assertEquals(FlyException.USAGE, e.exitCode, e::toString);
        assertTrue(e.toString().contains(file.toString()), e::toString);
      }
    }
  }

  @Test
  @Tag("slow")
  void TLS_goes_through_a_tunnel_of_the_proxy_which_gets_its_credentials_and_no_token()
      throws Exception {
    secure("good");
    System.setProperty("SSL_CERT_FILE", tls.authority.toString());
    try (var proxy = new ForwardProxy(server.getAddress().getPort())) {
      System.setProperty("HTTPS_PROXY", "http://me:" + PASSWORD + "@127.0.0.1:" + proxy.port());

      bothReach("https://api.test");

      assertEquals(2, proxy.heads.size());
      for (var head : proxy.heads) {
        assertTrue(head.startsWith("CONNECT api.test:443 HTTP/1.1\r\n"), head);
        assertTrue(head.contains("Proxy-Authorization: Basic bWU6c2VzYW1lLTc=\r\n"), head);
        assertFalse(head.contains("\r\nAuthorization"), head);
      }
    }
  }

  @Test
  @Tag("slow")
  void a_certificate_of_another_name_is_refused_behind_a_proxy_too() throws Exception {
    secure("other");
    System.setProperty("SSL_CERT_FILE", tls.authority.toString());
    try (var proxy = new ForwardProxy(server.getAddress().getPort())) {
      System.setProperty("HTTPS_PROXY", proxy.url());

      bothFail("https://api.test", "its certificate is for another name");
    }
  }

  @Test
  @Tag("slow")
  void a_proxy_may_speak_TLS_itself() throws Exception {
    secure("good");
    System.setProperty("SSL_CERT_FILE", tls.authority.toString());
    var socket =
        tls.context("good")
            .getServerSocketFactory()
            .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
    try (var proxy = new ForwardProxy(socket, server.getAddress().getPort())) {
      System.setProperty("HTTPS_PROXY", "https://localhost:" + proxy.port());

      bothReach("https://api.test");
    }
  }

  @Test
  @Tag("slow")
  void NO_PROXY_leads_past_the_proxy() throws Exception {
    secure("good");
    try (var proxy = new ForwardProxy(server.getAddress().getPort())) {
      System.setProperty("HTTPS_PROXY", proxy.url());
      System.setProperty("NO_PROXY", "api.test");

      var e = assertThrows(FlyException.class, () -> fly("https://api.test").get("/v1/apps"));

      assertTrue(e.why.contains("no such host: api.test"), e::toString);
      assertEquals(List.of(), proxy.heads);
    }
  }

  @Test
  @Tag("slow")
  void cacert_is_SSL_CERT_FILE_as_an_option() throws Exception {
    secure("good");
    Script.settings(url("https", "127.0.0.1"), FakeFly.TOKEN);

    var without = Script.run(new Api(), "/v1/apps/a");
    var with = Script.run(new Api(), "--cacert", tls.authority.toString(), "/v1/apps/a");
    var dry = Script.run(new Api(), "-n", "--cacert", tls.authority.toString(), "/v1/apps/a");

    assertEquals(1, without.exit(), without.err());
    assertEquals(0, with.exit(), with.err());
    assertTrue(dry.out().contains("--cacert \"" + tls.authority + "\""), dry.out());
    assertTrue(Files.exists(tls.authority));
  }
}
