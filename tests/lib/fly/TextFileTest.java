import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import fly.FlyException;
import fly.TextFile;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Text from outside. */
class TextFileTest {
  private final java.io.InputStream stdin = System.in;

  @AfterEach
  void restore() {
    System.setIn(stdin);
  }

  @Test
  void stdin_in_another_charset_is_refused_and_not_changed_unseen() {
    System.setIn(new ByteArrayInputStream("A=\u00fc\n".getBytes(StandardCharsets.ISO_8859_1)));

    var refused = assertThrows(FlyException.class, TextFile::stdin);

    assertEquals("stdin is not UTF-8 text", refused.what);
    assertEquals("iconv -f ISO-8859-1 -t UTF-8 before this command in the pipe", refused.tryNext);
  }

  @Test
  void a_byte_order_mark_is_no_part_of_the_text() {
    System.setIn(new ByteArrayInputStream("\ufeffA=1".getBytes(StandardCharsets.UTF_8)));

    assertEquals("A=1", TextFile.stdin());
  }
}
