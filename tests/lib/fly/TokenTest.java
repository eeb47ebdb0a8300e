import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import fly.FlyException;
import fly.Token;
import org.junit.jupiter.api.Test;

class TokenTest {
  private static final String M = FakeFly.MACAROON;

  private static String why(String pasted) {
    var e = assertThrows(FlyException.class, () -> Token.parse(pasted), pasted);
    assertEquals(FlyException.TOKEN, e.exitCode);
    assertFalse((e.what + e.why + e.tryNext).contains(M.substring(4, 20)));
    return e.why;
  }

  @Test
  void a_macaroon_is_sent_as_FlyV1_in_whatever_form_it_was_pasted() {
    for (var pasted :
        new String[] {
          M,
          "FlyV1 " + M,
          "flyv1 " + M,
          "Bearer FlyV1 " + M,
          "Authorization: Bearer " + M,
          "\"FlyV1 " + M + "\"",
          "'" + M + "'",
          "  FlyV1 " + M + "\n",
          "FlyV1 " + M.substring(0, 12) + "\n" + M.substring(12)
        }) {
      assertEquals("FlyV1 " + M, Token.parse(pasted).header(), pasted);
    }
  }

  @Test
  void several_macaroons_are_sent_together() {
    assertEquals("FlyV1 " + M + "," + M, Token.parse(M + ",\n" + M).header());
  }

  @Test
  void REST_takes_macaroons_alone_and_GraphQL_takes_every_piece() {
    var token = Token.parse("FlyV1 " + M + ",fo1_abc");

    assertEquals("FlyV1 " + M, token.header());
    assertEquals("FlyV1 " + M + ",fo1_abc", token.graphqlHeader());
  }

  @Test
  void anything_else_is_opaque_and_sent_as_Bearer() {
    assertEquals("Bearer fo1_abc", Token.parse("fo1_abc").header());
    assertEquals("Bearer sandbox", Token.parse("FlyV1 sandbox").header());
    assertEquals("Bearer 0a1b", Token.parse("bearer 0a1b").graphqlHeader());
  }

  @Test
  void a_macaroon_of_a_CLI_session_is_one_too() {
    assertEquals("FlyV1 m2.abc", Token.parse("m2.abc").header());
  }

  @Test
  void a_part_of_a_token_is_told() {
    assertEquals("the macaroon ends too early", why("FlyV1 " + M.substring(0, M.length() - 8)));
    assertEquals("it ends at a comma: a part was not copied", why(M + ","));
    assertEquals(
        "what follows fm2_ is not whole Base64: a part is missing or garbled",
        why(M.substring(0, M.length() - 3)));
    assertEquals("nothing follows fm2_", why("fm2_"));
    assertEquals("only the word before it is there", why("FlyV1 "));
  }

  @Test
  void the_guides_example_is_no_token() {
    assertEquals(
        "it ends in \"...\", as the example in the guide does", why("FlyV1 fm2_IJPECAAA..."));
  }

  @Test
  void a_lost_blank_is_told() {
    assertEquals("the blank after FlyV1 is gone", why("FlyV1" + M));
    assertEquals("the blank after FlyV1 is gone", why("Bearer FlyV1" + M));
  }

  @Test
  void what_cannot_stand_in_a_header_is_told() {
    assertEquals("there are blanks or non-ASCII characters inside it", why("two words"));
    assertEquals("there are blanks or non-ASCII characters inside it", why("t\u00f6ken"));
  }

  @Test
  void it_does_not_show_itself() {
    assertEquals("FlyV1 ***", Token.parse(M).toString());
    assertEquals("Bearer ***", Token.parse("fo1_abc").toString());
  }
}
