import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** An authority of one test, which signs certificates, and servers that show them. */
final class Tls {
  private static final char[] PASSWORD = "changeit".toCharArray();

  /** The authority's own certificate, as PEM. */
  final Path authority;

  private final Path keys;

  Tls(Path folder) {
    keys = folder.resolve("keys.p12");
    authority = folder.resolve("authority.pem");
    keytool("-genkeypair -keyalg EC -alias authority -dname CN=Authority -ext bc:c");
    keytool("-exportcert -rfc -alias authority -file " + authority);
  }

  /**
   * Signs a certificate.
   *
   * @param names such as {@code dns:localhost,ip:127.0.0.1}
   * @param options such as {@code -startdate -9d -validity 2}
   */
  Tls sign(String alias, String names, String options) {
    keytool(
        "-genkeypair -keyalg EC -signer authority -alias %s -dname CN=%s -ext san=%s %s"
            .formatted(alias, alias, names, options));
    return this;
  }

  /** Makes a self-signed certificate. */
  Tls selfSign(String alias, String names) {
    keytool(
        "-genkeypair -keyalg EC -alias %s -dname CN=%s -ext san=%s".formatted(alias, alias, names));
    return this;
  }

  private void keytool(String options) {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of(options.strip().split(" +")));
    command.addAll(List.of("-keystore", keys.toString(), "-storepass", new String(PASSWORD)));
    var made = new Sh().run(command.toArray(String[]::new));
    assertEquals(0, made.exit(), made.out() + made.err());
  }

  /** For servers that show this certificate. */
  SSLContext context(String alias) throws IOException, GeneralSecurityException {
    var all = KeyStore.getInstance(keys.toFile(), PASSWORD);
    var one = KeyStore.getInstance("PKCS12");
    one.load(null, null);
    one.setKeyEntry(alias, all.getKey(alias, PASSWORD), PASSWORD, all.getCertificateChain(alias));
    var managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(one, PASSWORD);
    var context = SSLContext.getInstance("TLS");
    context.init(managers.getKeyManagers(), null, null);
    return context;
  }

  /** A server on a free port of this machine. */
  HttpsServer serve(String alias, HttpHandler handler)
      throws IOException, GeneralSecurityException {
    var server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(context(alias)));
    server.createContext("/", handler);
    server.setExecutor(
        Executors.newCachedThreadPool(
            task -> {
              var thread = new Thread(task, "tls");
              thread.setDaemon(true);
              return thread;
            }));
    server.start();
    return server;
  }

  static Path notPem(Path folder) throws IOException {
    return Files.writeString(folder.resolve("not.pem"), "no certificate\n");
  }
}
