import static org.junit.jupiter.api.Assertions.assertEquals;

import fly.mcp.message.JsonRpcMessage;
import org.junit.jupiter.api.Test;

/** The part of a message that a bridge reads. */
class JsonRpcHeadTest {
  private static String key(String id) throws Exception {
    try (var message = JsonRpcMessage.of("{\"id\":" + id + ",\"result\":{}}")) {
      return message.head().key;
    }
  }

  @Test
  void equal_ids_have_one_key_however_they_are_written() throws Exception {
    assertEquals(key("1000"), key("1e3"));
    assertEquals(key("12345678901234567890"), key("12345678901234567890.0"));
    assertEquals(key("\"a\""), key("\"\\u0061\""));
  }

  @Test
  void an_id_of_very_many_digits_is_compared_as_it_is_written() throws Exception {
    var digits = "1" + "0".repeat(5_000); // its value would cost the square of its length

    assertEquals(digits, key(digits));
  }
}
