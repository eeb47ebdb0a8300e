import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A clone whose jars are there asks no host: all requests would go to a proxy that counts. */
@Tag("slow")
class ZeroRequestsTest {
  /** For all of them: an alias is compiled once. */
  @TempDir static Path temp;

  private CountingProxy proxy;

  @BeforeEach
  void start() throws Exception {
    assumeTrue(Files.exists(Wrapper.realJar()), "no JBang jar");
    proxy = new CountingProxy();
  }

  @AfterEach
  void stop() throws Exception {
    proxy.close();
  }

  private Sh shell() {
    return new Sh()
        .with(proxy.environment())
        .with("JBANG_JAR", Wrapper.realJar())
        .with("FLY_ARCHIVE", "off")
        .with("JBANG_DIR", temp.resolve("jbang"));
  }

  @Test
  void the_proxy_sees_JBang_itself_ask_for_its_own_catalog() {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();

    shell().run(java, "-jar", Wrapper.realJar().toString(), "info", "classpath", "no-such-alias");

    assertFalse(proxy.requests().isEmpty());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "fly-create-app -n --app demo",
        "run fly-name-app",
        "info classpath fly-name-app",
        "scripts/guide/NameApp.java",
        "fly-nonsense",
        "--version",
        "--help"
      })
  void a_command_of_a_clone_asks_no_host(String command) {
    for (int time = 0; time < 2; time++) {
      shell().run(("./jbang " + command).split(" "));

      assertEquals(List.of(), proxy.requests(), command);
    }
  }
}
