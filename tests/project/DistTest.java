import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.cli.Version;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * The library as a jar, used from outside of the repository; and a release, as far as it is dry.
 */
class DistTest {
  @RegisterExtension static final FakeFly fly = new FakeFly();

  private static final String JBANG = Sh.ROOT.resolve("jbang").toAbsolutePath().toString();

  @TempDir Path folder;

  @Test
  void a_script_and_a_jsh_file_take_the_library_from_the_jar() throws Exception {
    fly.stubFor(
        get("/v1/apps/demo/machines")
            .willReturn(okJson("[{\"id\":\"m1\",\"state\":\"started\"}]")));
    var repository = folder.resolve("repository");

    var dist = new Sh().run(JBANG, "dist", repository.toString());

    assertEquals(0, dist.exit(), dist.err());
    var version = Version.OURS;
    var made = repository.resolve("org/example/fly/fly-machines/" + version);
    for (var end : new String[] {".jar", ".pom", "-sources.jar", "-javadoc.jar"}) {
      assertTrue(Files.size(made.resolve("fly-machines-" + version + end)) > 500, end);
    }
    var body =
        """
        var fly = Fly.connect();
        fly.machines("demo").forEach(m -> System.out.println(m.id() + " " + m.state()));
        """;
    var script = "class Mine { public static void main(String... args) {\n" + body + "}}\n";
    Files.writeString(folder.resolve("Mine.java"), dist.out() + "import fly.Fly;\n" + script);
    Files.writeString(folder.resolve("mine.jsh"), dist.out() + "import fly.Fly;\n" + body);
    assertEquals("m1 started\n", run("Mine.java"));
    if (Runtime.version().feature() < 25) assertEquals("m1 started\n", run("mine.jsh"));
  }

  private String run(String file) {
    var result =
        new Sh()
            .in(folder)
            .with("FLY_API_HOSTNAME", System.getProperty("FLY_API_HOSTNAME"))
            .with("FLY_API_TOKEN", FakeFly.TOKEN)
            .run(JBANG, file);
    assertEquals(0, result.exit(), result.err());
    return result.out() + (result.out().isEmpty() ? result.err() : "");
  }

  @Test
  void a_dry_release_says_what_it_would_do_and_changes_nothing() throws Exception {
    var changelog = Files.readString(Sh.ROOT.resolve("CHANGELOG.md"));

    var release = new Sh().run(JBANG, "release", "--dry-run", "9.9.9");

    assertEquals(0, release.exit(), release.err());
    assertTrue(
        release.out().contains("would write CHANGELOG.md\nwould write lib/fly/cli/Version.java\n"));
    assertTrue(release.out().contains("would run git tag -a v9.9.9 -m Release 9.9.9\n"));
    assertEquals(changelog, Files.readString(Sh.ROOT.resolve("CHANGELOG.md")));
    assertEquals(2, new Sh().run(JBANG, "release", "nine").exit());
  }
}
