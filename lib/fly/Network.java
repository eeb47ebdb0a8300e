//SOURCES FlyException.java PrivateNetwork.java
package fly;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
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
import java.util.Objects;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;

/**
 * Proxies and certificates, the same for every client of this project. Proxies come from {@code
 * HTTPS_PROXY}, {@code HTTP_PROXY}, {@code ALL_PROXY} and {@code NO_PROXY} in either case,
 * certificates from {@code SSL_CERT_FILE}. Without these variables the JDK's settings hold.
 */
public final class Network {
  /**
   * A proxy.
   *
   * @param tls the connection to the proxy itself is TLS
   * @param authorization the value of Proxy-Authorization, or null
   * @param variable its source
   */
  public record Proxy(String host, int port, boolean tls, String authorization, String variable) {
    /** Without its credentials. */
    @Override
    public String toString() {
      return (tls ? "https://" : "http://") + host + ":" + port;
    }
  }

  /** The proxy did not forward a request, so no server received it. */
  public static final class ProxyFailure extends IOException {
    private static final long serialVersionUID = 1;

    private final transient Proxy proxy;

    /** The status of the proxy's answer; 0 without an answer. */
    public final int status;

    ProxyFailure(Proxy proxy, String why, Throwable cause) {
      super("the proxy %s of %s: %s".formatted(proxy, proxy.variable, why), cause);
      this.proxy = proxy;
      this.status = 0;
    }

    ProxyFailure(Proxy proxy, int status) {
      super(
          "the proxy %s of %s %s (%d)"
              .formatted(
                  proxy,
                  proxy.variable,
                  status == 407
                      ? proxy.authorization == null
                          ? "wants a user and a password"
                          : "does not accept this user and password"
                      : "refuses this connection",
                  status));
      this.proxy = proxy;
      this.status = status;
    }

    /** True if the same request may succeed soon. */
    public boolean passing() {
      return status == 0 || status == 429 || status >= 500;
    }

    /** The failure of a request to this URL. */
    public FlyException explained(String url) {
      var variable = proxy.variable;
      return new FlyException(
          "could not reach " + host(url),
          getMessage(),
          status == 407
              ? "export %s=http://USER:PASSWORD@%s:%d".formatted(variable, proxy.host, proxy.port)
              : "ask who runs the proxy, correct %s, or go past it: export NO_PROXY=%s"
                  .formatted(variable, host(url).replaceFirst(":\\d+$", "")));
    }
  }

  private static final String CERTIFICATES = "SSL_CERT_FILE";

  private static final Pattern LOOPBACK =
      Pattern.compile("localhost|.*\\.localhost|127(\\.\\d{1,3}){3}|\\[?::1]?");
  private static final Pattern PROXY =
      Pattern.compile(
          "(?:(https?)://)?(?:([^@/]*)@)?(\\[[0-9a-fA-F:]+]|[^:/@]+)(?::(\\d{1,5}))?/?");

  /** The settings of this process. */
  public static final Network SYSTEM = new Network(Network::variable);

  private final UnaryOperator<String> variables;
  private SSLContext context;

  /** The file of {@link #context}, or null. */
  private String origin;

  /**
   * @param variables the value of an environment variable, or null
   */
  public Network(UnaryOperator<String> variables) {
    this.variables = variables;
  }

  /** A variable's value, never from a {@code .env} file: a folder must not choose the proxy. */
  private static String variable(String name) {
    var property = System.getProperty(name);
    return property == null ? System.getenv(name) : property;
  }

  /** True for a name of this machine. */
  public static boolean loopback(String host) {
    return host != null && LOOPBACK.matcher(host.toLowerCase(Locale.ROOT)).matches();
  }

  /** The proxy for a request to this host; empty for a direct connection. */
  public Optional<Proxy> proxy(String scheme, String host, int port) {
    if (loopback(host) || PrivateNetwork.named(host) || direct(host, port)) return Optional.empty();
    var https = scheme.equals("https");
    // In upper case HTTP_PROXY may come from a request's header (CGI), as Go's clients know.
    var upper =
        https ? "HTTPS_PROXY" : first("REQUEST_METHOD") == null ? "HTTP_PROXY" : "ALL_PROXY";
    var name =
        named(https ? "https_proxy" : "http_proxy", upper, "all_proxy", "ALL_PROXY").orElse(null);
    if (name == null) return ofTheJdk(scheme, host, port);
    var match = PROXY.matcher(first(name));
    if (!match.matches()) {
      throw FlyException.usage(
          "the variable " + name + " holds no proxy that is supported",
          "it must be like http://HOST:PORT; socks proxies are not supported",
          "unset %s, or export NO_PROXY=%s".formatted(name, host));
    }
    var tls = "https".equals(match.group(1));
    var credentials = match.group(2);
    return Optional.of(
        new Proxy(
            match.group(3).replaceAll("[\\[\\]]", ""),
            match.group(4) != null ? Integer.parseInt(match.group(4)) : tls ? 443 : 1080,
            tls,
            credentials == null ? null : "Basic " + base64(decoded(credentials)),
            name));
  }

  /** A proxy of the JDK's system properties, such as {@code https.proxyHost}. */
  private static Optional<Proxy> ofTheJdk(String scheme, String host, int port) {
    var property = scheme + ".proxyHost";
    if (System.getProperty(property) == null) return Optional.empty();
    var origin = URI.create(scheme + "://" + host + ":" + port);
    for (var proxy : ProxySelector.getDefault().select(origin)) {
      if (proxy.type() == java.net.Proxy.Type.HTTP
          && proxy.address() instanceof InetSocketAddress at) {
        return Optional.of(new Proxy(at.getHostString(), at.getPort(), false, null, property));
      }
    }
    return Optional.empty();
  }

  private static String decoded(String credentials) {
    return java.net.URLDecoder.decode(credentials.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  private String first(String... names) {
    return named(names).map(name -> variables.apply(name).strip()).orElse(null);
  }

  /** The first of these variables that has a value. */
  private Optional<String> named(String... names) {
    for (var name : names) {
      var value = variables.apply(name);
      if (value != null && !value.isBlank()) return Optional.of(name);
    }
    return Optional.empty();
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

  /**
   * Looks at the variables that requests to this URL depend on.
   *
   * @throws FlyException if one cannot be used
   */
  public void check(URI url) {
    proxy(url.getScheme(), url.getHost(), port(url));
    try {
      if ("https".equals(url.getScheme()) && first(CERTIFICATES) != null) tls();
    } catch (IOException e) {
      throw tlsFailure(url.toString(), e);
    }
  }

  /** For https: the JDK's certificates, or those of SSL_CERT_FILE instead; made when first used. */
  public synchronized SSLContext tls() throws IOException {
    var file = first(CERTIFICATES);
    if (context == null || !Objects.equals(file, origin)) {
      try {
        context = file == null ? SSLContext.getDefault() : trusting(Path.of(file));
      } catch (GeneralSecurityException e) {
        throw new SSLException("no TLS: " + e.getMessage(), e);
      }
      origin = file;
    }
    return context;
  }

  /** Takes the certificates of this file in this process, as SSL_CERT_FILE would. */
  public static void trust(Path file) {
    System.setProperty(CERTIFICATES, file.toString());
  }

  /** The file of {@link #trust}, for a command that is shown; or null. */
  public static String trusted() {
    return System.getProperty(CERTIFICATES);
  }

  /** Trusts the certificates of this PEM file, and no others. */
  private static SSLContext trusting(Path file) throws IOException, GeneralSecurityException {
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
    var host = host(url);
    return new FlyException(
        "no secure connection to " + host,
        tlsReason(failure),
        "openssl s_client -connect "
            + (host.matches(".*:\\d+") ? host : host + ":443")
            + " shows the certificate; a further authority: export SSL_CERT_FILE=FILE.pem, or"
            + " --cacert FILE.pem");
  }

  /** The reason why TLS failed. */
  public String tlsReason(Throwable failure) {
    var file = first(CERTIFICATES);
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
    return why + " (" + message + ")";
  }

  private static String host(String url) {
    return url.replaceFirst("^(\\w+://)?([^/?#]*@)?([^/?#]*).*", "$3");
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
  public static int port(URI uri) {
    if (uri.getPort() >= 0) return uri.getPort();
    return "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
  }
}
