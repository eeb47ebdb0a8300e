import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathMatching;
import static com.github.tomakehurst.wiremock.core.WireMockConfiguration.wireMockConfig;

import com.github.tomakehurst.wiremock.junit5.WireMockExtension;
import com.github.tomakehurst.wiremock.junit5.WireMockRuntimeInfo;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A stand-in for Fly.io: the scripts under test talk to this WireMock server, with a token that
 * means nothing. A request that no test expects fails the test.
 */
final class FakeFly extends WireMockExtension {
  static final String TOKEN = "opaque-token-of-the-tests";

  /** Whole, and good for nothing: a MessagePack array of nonce, location, caveats and tail. */
  static final String MACAROON = "fm2_lJLEAmFixAJjZKNmbHmQxAx0YWlsdGFpbHRhaWw=";

  FakeFly() {
    super(newInstance().options(wireMockConfig().dynamicPort()).failOnUnmatchedRequests(true));
  }

  @Override
  protected void onBeforeEach(ExtensionContext context, WireMockRuntimeInfo info) {
    Script.settings(info.getHttpBaseUrl(), TOKEN);
    // Before a Machine is created, whether the app has a token among its secrets.
    stubFor(get(urlPathMatching("/v1/apps/[^/]+/secrets")).willReturn(okJson("{\"secrets\":[]}")));
  }
}
