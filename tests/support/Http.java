import java.net.http.HttpClient;

/** The HTTP client of all tests in this JVM: a client of each test would keep a thread each. */
final class Http {
  static final HttpClient CLIENT = HttpClient.newHttpClient();

  private Http() {}
}
