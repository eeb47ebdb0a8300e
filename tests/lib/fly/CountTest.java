import static org.junit.jupiter.api.Assertions.assertEquals;

import fly.Count;
import org.junit.jupiter.api.Test;

class CountTest {
  @Test
  void only_one_is_without_an_s() {
    assertEquals("0 Machines", Count.of(0, "Machine"));
    assertEquals("1 Machine", Count.of(1, "Machine"));
    assertEquals("2 Machines", Count.of(2, "Machine"));
  }
}
