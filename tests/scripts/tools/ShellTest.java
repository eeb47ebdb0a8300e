import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.status;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** fly-shell as a process: its stdin, its exit code and its terminal are those of a JVM. */
@Tag("slow")
class ShellTest {
  @RegisterExtension static final FakeFly fly = new FakeFly();

  @TempDir Path folder;

  private Sh sh() {
    return new Sh()
        .in(folder)
        .with("FLY_API_HOSTNAME", System.getProperty("FLY_API_HOSTNAME"))
        .with("FLY_API_TOKEN", FakeFly.TOKEN)
        .with("APP_NAME", "mcp-demo")
        .with("FLY_JBANG", "@catalog")
        .with("FLY_TTY", "");
  }

  private static String[] shell(String... args) {
    return Jvm.command("Shell", args).toArray(String[]::new);
  }

  private Sh.Result piped(String... lines) {
    return sh().input(String.join("\n", lines)).run(shell());
  }

  @Test
  void an_expression_prints_its_value_as_the_next_command_wants_it() {
    var result =
        sh().run(
                shell(
                    "-e",
                    "int three = 3",
                    "-e",
                    "three + 1",
                    "-e",
                    "\"a \\\"b\\\"\"",
                    "-e",
                    "json(\"{\\\"id\\\":1}\")",
                    "-e",
                    "List.of(1, 2)",
                    "-e",
                    "print(5)"));

    assertEquals(0, result.exit(), result.err());
    assertEquals("4\na \"b\"\n{\n  \"id\": 1\n}\n1\n2\n5\n", result.out());
    assertEquals("", result.err());
  }

  @Test
  void client_settings_and_request_bodies_are_ready() {
    fly.stubFor(get("/v1/apps/mcp-demo/machines").willReturn(okJson("[{\"id\":\"m1\"}]")));

    var result =
        piped(
            "var machines = fly.get(\"/v1/apps/{app}/machines\", app());",
            "System.out.println(machines.at(\"/0/id\").asText());",
            "System.out.println(template(\"volume.json\").path(\"name\").asText());",
            "bars(Map.of(\"iad\", 4));",
            "help();");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().startsWith("m1\ndata\niad " + "#".repeat(40) + " 4\nfly "));
  }

  @Test
  void a_file_ends_at_its_first_exception_with_the_line_that_threw() throws Exception {
    var file =
        Files.writeString(
            folder.resolve("a.jsh"),
            """
            // A comment.
            int half(int n) {
              if (n % 2 > 0) throw new IllegalStateException("odd");
              return n / 2;
            }

            System.out.println(half(4));
            System.out.println(half(5));
            System.out.println("never");
            """);

    var result = sh().run(shell(file.toString()));

    assertEquals(1, result.exit());
    assertEquals("2\n", result.out());
    assertEquals(
        List.of(
            "error: java.lang.IllegalStateException: odd",
            "  why: " + file + ":3: if (n % 2 > 0) throw new IllegalStateException(\"odd\");",
            "  try: -v shows the stack trace"),
        result.err().lines().toList());
  }

  @Test
  void a_compile_error_ends_it_with_its_line() {
    var result = piped("int x = 1;", "", "var y =", "  fly.nothing();", "print(\"never\");");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().startsWith("error: cannot find symbol, symbol: "), result.err());
    assertTrue(result.err().contains("\n  why: stdin:4: fly.nothing();\n"), result.err());
  }

  @Test
  void a_text_that_is_no_Java_ends_it_too() {
    var result = piped("print(1);", "int x = (;");

    assertEquals(1, result.exit());
    assertEquals("1\n", result.out());
    assertTrue(result.err().contains("why: stdin:2: int x = (;"), result.err());
  }

  @Test
  void a_method_may_come_before_what_it_calls_but_not_without_it() {
    var later = piped("int g() { return h(); }", "int h() { return 4; }", "print(g());");
    var never = piped("print(1);", "int g() { return h(); }");

    assertEquals("4\n", later.out());
    assertEquals(0, later.exit(), later.err());
    assertEquals(1, never.exit());
    assertTrue(never.err().startsWith("error: nothing declares method h()"), never.err());
    assertTrue(never.err().contains("stdin:2: int g()"), never.err());
  }

  @Test
  void a_refusal_of_Fly_io_shows_what_why_and_try() {
    fly.stubFor(
        get("/v1/apps/gone").willReturn(status(404).withBody("{\"error\":\"app not found\"}")));

    var result = sh().run(shell("-e", "fly.get(\"/v1/apps/{app}\", \"gone\")"));

    assertEquals(1, result.exit());
    assertTrue(result.err().startsWith("error: there is no such app\n  why: "), result.err());
    assertTrue(result.err().contains("; -e:1: fly.get("), result.err());
    assertTrue(result.err().contains("\n  try: jbang fly-create-app@catalog"), result.err());
    assertFalse(result.err().contains("Exception"), result.err());
  }

  @Test
  void an_app_that_nobody_can_reach_is_refused_at_once() {
    fly.stubFor(get("/v1/apps/mcp-demo/ip_assignments").willReturn(okJson("{\"ips\":[]}")));

    var result = sh().run(shell("-e", "mcp().tools()"));

    assertEquals(1, result.exit());
    assertTrue(
        result.err().startsWith("error: the app mcp-demo has no IP address\n"), result.err());
    assertTrue(result.err().contains("\n  try: jbang fly-allocate-ips@catalog"), result.err());
  }

  @Test
  void a_host_of_an_env_file_does_not_get_the_token_of_the_environment() throws Exception {
    fly.stubFor(
        get("/v1/apps/mcp-demo/ip_assignments").willReturn(okJson("{\"ips\":[{\"ip\":\"::1\"}]}")));
    Files.writeString(folder.resolve(".env"), "FLY_EDGE_URL=http://127.0.0.1:9/\n");

    var result = sh().with("FLY_MCP_BEARER_TOKEN", "sesame").run(shell("-e", "mcp().tools()"));

    assertEquals(2, result.exit(), result.err());
    assertTrue(result.err().contains("would not be sent to http://127.0.0.1:9/"), result.err());
    assertFalse(result.err().contains("sesame"), result.err());
  }

  @Test
  void exit_codes_are_the_texts_own() {
    assertEquals(7, piped("System.exit(7);").exit());
    assertEquals(3, piped("int code = 3;", "/exit code", "print(\"never\");").exit());
    assertEquals(0, piped("/exit").exit());
    assertEquals(2, sh().run(shell("no-such-file.jsh")).exit());
  }

  @Test
  void stdin_is_the_snippets_own_if_the_text_comes_from_elsewhere() throws Exception {
    Files.writeString(
        folder.resolve("b.jsh"),
        "#!/usr/bin/env fly-shell\nprint(new Scanner(System.in).nextLine() + args);\n");

    var result = sh().input("hello\n").run(shell("b.jsh", "one", "--", "--two"));

    assertEquals("hello[one, --two]\n", result.out(), result.err());
  }

  @Test
  void records_and_class_hierarchies_work_on_every_JDK() {
    var result =
        piped(
            "interface Shape {}",
            "record Circle(int r) implements Shape {}",
            "record Square(int a) implements Shape {}",
            "Shape pick(boolean round) {",
            "  Shape shape;",
            "  if (round) shape = new Circle(1); else shape = new Square(2);",
            "  return shape;",
            "}",
            "abstract class Base { abstract int value(); }",
            "class Derived extends Base { int value() { return 9; } }",
            "print(pick(true) + \" \" + pick(false) + \" \" + new Derived().value());");

    assertEquals("Circle[r=1] Square[a=2] 9\n", result.out(), result.err());
  }

  @Test
  void a_result_that_could_not_be_written_is_an_error() {
    assumeTrue(Files.exists(Path.of("/dev/full")), "no /dev/full here");
    var quoted = String.join("' '", shell("-e", "1+1"));

    var full = sh().run("sh", "-c", "'" + quoted + "' >/dev/full");
    var left = sh().run("sh", "-c", "{ '" + quoted + "'; echo $? >&2; } | :");

    assertEquals(1, full.exit(), full.err());
    assertTrue(full.err().contains("error: the result is lost"), full.err());
    assertEquals("0\n", left.err());
  }

  @Test
  void a_terminal_gets_JShells_prompt() {
    assumeTrue(new Sh().run("sh", "-c", "command -v script").exit() == 0, "no script here");
    var quoted = String.join(" ", shell());
    var lines = "record A(int x) {}\nnew A(app().length())\nthrow new fly.FlyException(\"what\",";

    var result =
        sh().with("FLY_TTY", "012")
            .with("TERM", "dumb")
            .input(lines + " \"because\", \"fly-status\")\n/exit 3\n")
            .run("script", "-qec", quoted, "/dev/null");

    assertEquals(3, result.exit(), result.out());
    assertTrue(result.out().contains("==> A[x=8]"), result.out());
    assertTrue(result.out().contains("FlyException: what\r\n  why: because"), result.out());
    assertTrue(result.out().contains("  try: jbang fly-status@catalog"), result.out());
  }
}
