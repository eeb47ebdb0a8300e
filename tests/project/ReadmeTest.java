import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the README shows, it does. */
@Tag("slow")
class ReadmeTest {
  @Test
  void its_steps_in_order_are_the_guide_by_single_commands() throws Exception {
    var readme = Files.readString(Sh.ROOT.resolve("README.md"));
    var section = readme.split("<!-- (end of the )?steps -->")[1];
    var steps =
        Pattern.compile("(?s)```sh\n(.*?)```")
            .matcher(section)
            .results()
            .map(block -> block.group(1))
            .collect(Collectors.joining())
            .replace("--start)", "--start --port " + Ports.free() + ")");
    var port = steps.replaceFirst("(?s).*--port (\\d+).*", "$1");
    steps = steps.replace("--stop\n", "--stop --port " + port + "\n");

    var result = Sh.page(steps, port);

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("[DIR] lost+found"), result.out());
    assertTrue(result.out().contains("[FILE] hello.txt"), result.out());
    assertTrue(result.err().contains("The sandbox on port " + port + " has ended"), result.err());
  }

  @Test
  void its_curl_is_what_a_dry_run_prints() throws Exception {
    var readme = Files.readString(Sh.ROOT.resolve("README.md"));
    Script.settings("https://api.machines.dev", FakeFly.TOKEN);

    var curl = Script.run(new CreateApp(), "-n", "--app", "mcp-demo-3f9c51e0a7b2").out();

    assertTrue(readme.contains("-n --app mcp-demo-3f9c51e0a7b2\n" + curl + "```"), curl);
  }
}
