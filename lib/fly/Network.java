//SOURCES FlyException.java PrivateNetwork.java
package fly;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.util.Base64;
import java.util.Locale;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;

/**
 * The way out of this machine, one policy for every client of ours: proxies as curl takes them from
 * {@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code ALL_PROXY} and {@code NO_PROXY}, and further
 * certificates from {@code SSL_CERT_FILE}. Without these variables nothing changes.
 */
public final class Network {
  /**
   * A proxy.
   *
   * @param tls the proxy itself is asked by TLS
   * @param authorization the value of Proxy-Authorization, or null
   */
  public record Proxy(String host, int port, boolean tls, String authorization) {
    /** Without its credentials. */
    @Override
    public String toString() {
      return (tls ? "https://" : "http://") + host + ":" + port;
    }
  }

  private static final Pattern LOOPBACK =
      Pattern.compile("localhost|.*\\.localhost|127(\\.\\d{1,3}){3}|\\[?::1]?");
  private static final Pattern PROXY =
      Pattern.compile("(?:(https?)://)?(?:([^@/]*)@)?(\\[[0-9a-fA-F:]+]|[^:/@]+)(?::(\\d+))?/?");

  /** Of this process. */
  public static final Network SYSTEM = new Network(Network::variable);

  private final UnaryOperator<String> variables;
  private SSLContext context;

  /**
   * @param variables the value of an environment variable, or null
   */
  public Network(UnaryOperator<String> variables) {
    this.variables = variables;
  }

  /** Never from a {@code .env} file: a folder must not decide where requests go through. */
  private static String variable(String name) {
    var property = System.getProperty(name);
    return property == null ? System.getenv(name) : property;
  }

  /** A name of this machine. */
  public static boolean loopback(String host) {
    return host != null && LOOPBACK.matcher(host.toLowerCase(Locale.ROOT)).matches();
  }

  /** The proxy that a request to this host goes through; empty to go there directly. */
  public Optional<Proxy> proxy(String scheme, String host, int port) {
    if (loopback(host) || PrivateNetwork.named(host) || direct(host, port)) return Optional.empty();
    // In upper case HTTP_PROXY may come from a request's header (CGI), which curl guards against.
    var name = scheme.equals("https") ? "HTTPS_PROXY" : "http_proxy";
    var value = first(name.toLowerCase(Locale.ROOT), name, "all_proxy", "ALL_PROXY");
    if (value == null) return Optional.empty();
    var match = PROXY.matcher(value);
    if (!match.matches()) {
      throw FlyException.usage(
          "the proxy variable " + name + " holds no proxy",
          "http://HOST:PORT is expected; other kinds, such as socks, are not supported",
          "unset " + name + ", or export " + name + "=http://HOST:PORT");
    }
    var tls = "https".equals(match.group(1));
    var credentials = match.group(2);
    return Optional.of(
        new Proxy(
            match.group(3).replaceAll("[\\[\\]]", ""),
            match.group(4) != null ? Integer.parseInt(match.group(4)) : tls ? 443 : 1080,
            tls,
            credentials == null ? null : "Basic " + base64(decoded(credentials))));
  }

  private static String decoded(String credentials) {
    return java.net.URLDecoder.decode(credentials.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  private String first(String... names) {
    for (var name : names) {
      var value = variables.apply(name);
      if (value != null && !value.isBlank()) return value.strip();
    }
    return null;
  }

  /** NO_PROXY lists hosts, domains (with or without a leading dot), addresses, or *. */
  private boolean direct(String host, int port) {
    var list = first("no_proxy", "NO_PROXY");
    if (list == null) return false;
    var name = host.toLowerCase(Locale.ROOT).replaceAll("[\\[\\]]", "");
    for (var entry : list.toLowerCase(Locale.ROOT).split("[,\\s]+")) {
      if (entry.equals("*")) return true;
      var wanted = entry.replaceFirst("^\\*?\\.", "").replaceAll("[\\[\\]]", "");
      if (wanted.endsWith(":" + port) && wanted.indexOf(':') == wanted.lastIndexOf(':')) {
        wanted = wanted.substring(0, wanted.lastIndexOf(':'));
      }
      if (!wanted.isEmpty() && (name.equals(wanted) || name.endsWith("." + wanted))) return true;
    }
    return false;
  }

  /** For https: the JDK's certificates, or those of SSL_CERT_FILE instead; made when first used. */
  public synchronized SSLContext tls() throws IOException {
    if (context == null) {
      try {
        var file = first("SSL_CERT_FILE");
        context = file == null ? SSLContext.getDefault() : trusting(Path.of(file));
      } catch (GeneralSecurityException e) {
        throw new SSLException("no TLS: " + e.getMessage(), e);
      }
    }
    return context;
  }

  /** Trusts the certificates of this PEM file, and no others. */
  public static SSLContext trusting(Path file) throws IOException, GeneralSecurityException {
    var store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (var in = new BufferedInputStream(Files.newInputStream(file))) {
      var number = 0;
      for (var one : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        store.setCertificateEntry("certificate-" + number++, one);
      }
      if (number == 0) throw new IOException("it holds no certificate");
    } catch (IOException | GeneralSecurityException e) {
      throw FlyException.usage(
          "the certificates of " + file + " cannot be read",
          "SSL_CERT_FILE names it: " + e.getMessage(),
          "a PEM file, with lines BEGIN CERTIFICATE; or unset SSL_CERT_FILE");
    }
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    var context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  /** The failure of TLS in words: the reason, and the way out. */
  public FlyException tlsFailure(String url, Throwable failure) {
    var host = url.replaceFirst("^(\\w+://)?([^/?#]*@)?([^/?#]*).*", "$3");
    var file = first("SSL_CERT_FILE");
    var trust = file == null ? "the JDK's trust store" : "SSL_CERT_FILE=" + file;
    var message = message(failure);
    String why;
    if (has(failure, CertificateExpiredException.class)) {
      why = "its certificate has expired";
    } else if (has(failure, CertificateNotYetValidException.class)) {
      why = "its certificate is not valid yet: is the clock of this machine right?";
    } else if (message.matches("(?is).*(no (name|subject|ip).*match|subject alternative).*")) {
      why = "its certificate is for another name";
    } else if (message.matches("(?is).*(PKIX|unable to find valid|trust|self.signed).*")) {
      why = trust + " does not know who signed its certificate; a company's proxy signs its own";
    } else if (message.matches("(?is).*(plaintext|unsupported or unrecognized ssl).*")) {
      why = "it does not speak TLS on this port";
    } else {
      why = "the TLS handshake failed";
    }
    return new FlyException(
        "no secure connection to " + host,
        why + " (" + message + ")",
        "openssl s_client -connect "
            + (host.matches(".*:\\d+") ? host : host + ":443")
            + " shows the certificate; a further authority: export SSL_CERT_FILE=FILE.pem");
  }

  private static boolean has(Throwable failure, Class<?> type) {
    for (var cause = failure; cause != null; cause = cause.getCause()) {
      if (type.isInstance(cause)) return true;
    }
    return false;
  }

  private static String message(Throwable failure) {
    var message = "";
    for (var cause = failure; cause != null; cause = cause.getCause()) {
      if (cause.getMessage() != null) message = cause.getMessage();
    }
    return message.isEmpty() ? failure.getClass().getSimpleName() : message;
  }

  /** The URL for a message: userinfo and the values of its query are not shown. */
  public static String shown(String url) {
    return url.replaceFirst("^(\\w+://)[^/?#]*@", "$1***@")
        .replaceAll("([?&][^=&#]*(?i:token|key|secret|password|auth|sig)[^=&#]*)=[^&#]*", "$1=***");
  }

  /** Port of a URL, or the scheme's own. */
  static int port(URI uri) {
    if (uri.getPort() >= 0) return uri.getPort();
    return "https".equals(uri.getScheme()) ? 443 : 80;
  }
}
