import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The pages of docs show what the commands do. */
class DocsTest {
  private static final Pattern RUN = Pattern.compile("(?s)<!-- run -->(.*?)<!-- end -->");
  private static final Pattern BLOCK = Pattern.compile("(?s)```sh\n(.*?)```");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#:]+)(#[^)]*)?\\)");

  static List<Path> pages() throws IOException {
    try (Stream<Path> files = Files.list(Sh.ROOT.resolve("docs"))) {
      return files.filter(file -> file.toString().endsWith(".md")).sorted().toList();
    }
  }

  static List<Path> pagesThatRun() throws IOException {
    var pages = new ArrayList<Path>();
    for (var page : pages()) {
      if (RUN.matcher(Files.readString(page)).find()) pages.add(page);
    }
    return pages;
  }

  @Test
  void the_page_of_commands_is_made_from_the_catalog_and_the_helps() throws Exception {
    assertEquals(
        CommandsPage.text(Sh.ROOT),
        Files.readString(Sh.ROOT.resolve(CommandsPage.FILE)),
        "run ./jbang docs");
  }

  static List<Path> documents() throws IOException {
    var documents = new ArrayList<>(pages());
    for (var page : List.of("README.md", "CONTRIBUTING.md", "SECURITY.md")) {
      documents.add(Sh.ROOT.resolve(page));
    }
    return documents;
  }

  @Test
  void the_picture_of_the_README_is_small_and_names_no_folder_of_a_computer() throws Exception {
    var readme = Files.readString(Sh.ROOT.resolve("README.md"));
    var picture = Files.readString(Sh.ROOT.resolve("docs/quickstart.svg"));

    assertTrue(readme.contains("<img src=\"docs/quickstart.svg\""));
    assertTrue(picture.length() < 150_000, picture.length() + " characters");
    assertTrue(picture.contains("All three replies came"), "run ./jbang picture");
    var folder = Pattern.compile("/(home|root|Users|tmp|var|work)/").matcher(picture);
    assertFalse(folder.find(), () -> folder.group() + ": run ./jbang picture");
  }

  @Test
  void the_README_is_at_most_150_lines() throws Exception {
    var lines = Files.readAllLines(Sh.ROOT.resolve("README.md"));

    assertTrue(lines.size() <= 150, lines.size() + " lines");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("documents")
  void each_link_of_a_page_leads_to_a_file(Path page) throws Exception {
    var links = LINK.matcher(Files.readString(page)).results().map(link -> link.group(1));

    var broken = links.filter(link -> !Files.exists(page.resolveSibling(link))).toList();

    assertEquals(List.of(), broken);
  }

  @Tag("slow")
  @ParameterizedTest(name = "{0}")
  @Tag("slow")
  @MethodSource("pagesThatRun")
  void each_block_of_a_page_that_says_so_runs(Path page) throws Exception {
    for (var section : RUN.matcher(Files.readString(page)).results().toList()) {
      var port = String.valueOf(Ports.free());
      var steps =
          BLOCK
              .matcher(section.group(1))
              .results()
              .map(block -> block.group(1))
              .collect(Collectors.joining())
              .replaceAll("--port \\d+", "--port " + port);

      var result = Sh.page(steps, port);

      assertEquals(0, result.exit(), result.err());
      assertTrue(result.err().contains("The sandbox on port " + port + " has ended"), result.err());
    }
  }
}
