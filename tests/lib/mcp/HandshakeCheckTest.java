import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import fly.FlyException;
import fly.mcp.check.HandshakeCheck;
import java.net.URI;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The request without a token, which a launched server has to refuse. */
class HandshakeCheckTest {
  private static Optional<String> answered(int status) {
    try (var server = new FakeMcp().once("reply", asked -> asked.answer(status, null, ""))) {
      return new HandshakeCheck(URI.create(server.url()), "mcp-demo", "").requireToken();
    }
  }

  @Test
  void only_an_answer_of_the_server_shows_that_it_asks_for_no_token() {
    assertEquals(Optional.empty(), answered(401));
    for (var status : new int[] {429, 502, 503, 504}) {
      assertEquals(Optional.of("the answer was " + status), answered(status));
    }
    for (var status : new int[] {200, 202, 400, 404, 500}) {
      var e = assertThrows(FlyException.class, () -> answered(status));
      assertEquals("the server asks for no token", e.what);
    }
  }
}
