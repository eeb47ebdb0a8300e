import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Deadline;
import fly.Ensure;
import fly.Fly;
import fly.FlyException;
import fly.Machines;
import fly.Story;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DeadlineTest {
  private static final JsonNode BODY = Fly.JSON.createObjectNode();
  private static final FaultyFly.Fault TROUBLE =
      (line, out) -> FaultyFly.answer(out, 503, "application/json", "{\"error\":\"it broke\"}");
  private static final FaultyFly.Fault RESET = (line, out) -> line.setSoLinger(true, 0);
  private static final FaultyFly.Fault SILENCE = (line, out) -> line.getInputStream().read();

  private final List<String> quiet = new CopyOnWriteArrayList<>();
  private final Story story =
      new Story() {
        @Override
        public void say(String format, Object... args) {}

        @Override
        public void insist(String format, Object... args) {
          quiet.add(format.formatted(args));
        }
      };
  private FaultyFly server;

  @BeforeEach
  void start() throws IOException {
    server = new FaultyFly();
    Script.settings(server.url(), FakeFly.TOKEN);
    Deadline.clock(FastClock.ofSleeps());
  }

  @AfterEach
  void stop() throws IOException {
    Deadline.clock(null);
    server.close();
  }

  private Fly fly(Duration time) {
    return Fly.connect(null, null, story).within(Deadline.after(time));
  }

  private void pass(Duration time) {
    Deadline.sleep(time);
  }

  private static Duration since(long begin) {
    return Duration.ofNanos(Deadline.clock().nanos() - begin);
  }

  @Test
  void all_requests_of_a_command_share_one_deadline() {
    var fly = fly(Duration.ofSeconds(60));
    fly.get("/v1/apps/{app}", "mcp-demo");
    pass(Duration.ofSeconds(61));

    var e = assertThrows(FlyException.class, () -> fly.get("/v1/apps/{app}", "mcp-demo"));

    assertEquals("not done within 1m", e.what);
    assertTrue(e.tryNext.contains("--deadline 3m"), e::toString);
    assertEquals(1, server.sent().size());
  }

  @Test
  void retries_of_several_requests_end_at_the_one_deadline() {
    server.begin("started", TROUBLE, request -> request.path().endsWith("/volumes"));
    var begin = Deadline.clock().nanos();
    var fly = fly(Duration.ofSeconds(10));

    assertThrows(FlyException.class, () -> fly.list("/v1/apps/{app}/volumes", "mcp-demo"));
    assertThrows(FlyException.class, () -> fly.list("/v1/apps/{app}/volumes", "mcp-demo"));

    assertTrue(since(begin).toSeconds() <= 11, () -> since(begin).toString());
  }

  @Test
  void each_of_many_items_has_the_time_of_the_command_and_none_is_taken_from_the_command() {
    var fly = fly(Duration.ofSeconds(60));

    var failures =
        fly.each(
            List.of(1, 2, 3, 4),
            1,
            item -> {
              pass(Duration.ofSeconds(40));
              fly.get("/v1/apps/{app}", "mcp-demo");
            });

    assertEquals(0, failures.size(), failures::toString);
    fly.get("/v1/apps/{app}", "mcp-demo");
    assertEquals(5, server.sent().size());
  }

  @Test
  void one_of_many_items_ends_at_its_own_deadline() {
    var fly = fly(Duration.ofSeconds(60));

    var failures =
        fly.each(
            List.of(1, 2),
            1,
            item -> {
              pass(Duration.ofSeconds(item == 1 ? 61 : 1));
              fly.get("/v1/apps/{app}", "mcp-demo");
            });

    assertEquals(List.of(1), List.copyOf(failures.keySet()));
  }

  @Test
  void a_wait_with_a_limit_of_its_own_does_not_count() {
    var fly = fly(Duration.ofSeconds(60));
    server.begin(
        "started",
        (line, out) -> {
          pass(Duration.ofSeconds(60));
          FaultyFly.answer(out, 408, "application/json", "{\"error\":\"not there\"}");
        },
        request -> request.path().contains("/wait") && server.sent().size() < 3);

    new Machines(fly, story)
        .waitFor("mcp-demo", FaultyFly.MACHINE, Machines.State.started, Duration.ofMinutes(10));

    fly.get("/v1/apps/{app}", "mcp-demo");
    assertTrue(quiet.toString().contains("Not yet"), quiet::toString);
  }

  @Test
  void a_wait_ends_by_its_own_limit_and_the_deadline_when_nobody_answers() {
    Deadline.clock(new FastClock(4));
    server.begin("started", SILENCE, request -> true);
    var begin = Deadline.clock().nanos();

    assertThrows(
        FlyException.class,
        () ->
            new Machines(fly(Duration.ofSeconds(4)), story)
                .waitFor(
                    "mcp-demo", FaultyFly.MACHINE, Machines.State.started, Duration.ofSeconds(4)));

    assertTrue(since(begin).toSeconds() <= 50, () -> since(begin).toString()); // 10 s real time
  }

  @Test
  void a_last_look_comes_right_before_the_deadline() {
    server.begin("started", RESET, request -> request.write());
    var begin = Deadline.clock().nanos();
    var looks = new AtomicInteger();
    var last = new Duration[1];

    var e =
        assertThrows(
            FlyException.class,
            () ->
                fly(Duration.ofSeconds(20))
                    .create(
                        "/v1/apps/{app}/volumes",
                        BODY,
                        () -> {
                          looks.incrementAndGet();
                          last[0] = since(begin);
                          return Optional.empty();
                        },
                        "mcp-demo"));

    assertEquals(FlyException.AMBIGUOUS, e.exitCode);
    assertEquals(19, last[0].toSeconds());
    assertTrue(looks.get() >= 5, looks::toString);
  }

  @Test
  void an_app_is_looked_for_a_last_time_before_the_deadline() {
    server.begin("started", TROUBLE, request -> true);
    var begin = Deadline.clock().nanos();

    var e =
        assertThrows(
            FlyException.class,
            () ->
                new Ensure(fly(Duration.ofSeconds(30)), story)
                    .app("mcp-demo", Fly.JSON.createObjectNode().put("app_name", "mcp-demo")));

    assertEquals(FlyException.AMBIGUOUS, e.exitCode);
    assertTrue(since(begin).toSeconds() >= 28, () -> since(begin).toString());
  }

  @Test
  void a_pause_of_our_own_is_not_said_to_be_asked_for() {
    server.begin("started", TROUBLE, request -> true);

    var e =
        assertThrows(
            FlyException.class, () -> fly(Duration.ofSeconds(3)).get("/v1/apps/{app}", "mcp-demo"));

    assertFalse(e.toString().contains("it asks to wait"), e::toString);
    assertTrue(e.why.startsWith("the deadline of 3s leaves no time"), e::toString);
    assertTrue(e.tryNext.contains("--deadline 9s"), e::toString);
  }

  @Test
  void a_silence_reads_as_one() {
    Deadline.clock(new FastClock(2));
    server.begin(
        "started",
        (line, out) -> {
          out.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".getBytes());
          line.getInputStream().read();
        },
        request -> true);

    var e =
        assertThrows(
            FlyException.class, () -> fly(Duration.ofSeconds(8)).get("/v1/apps/{app}", "mcp-demo"));

    assertTrue(e.why.contains("no whole answer within "), e::toString);
    assertFalse(e.why.contains("Socket closed"), e::toString);
  }

  @Test
  void waiting_is_told_to_quiet_readers_once_it_is_long() {
    server.begin(
        "started",
        (line, out) -> FaultyFly.answer(out, 429, "application/json", "{}", "Retry-After: 6"),
        request -> server.sent().size() < 3);

    fly(Duration.ofMinutes(3)).get("/v1/apps/{app}", "mcp-demo");

    assertEquals(List.of("Fly.io limits the rate of requests; waiting 6.0 s ..."), quiet);
  }

  @Test
  void a_short_wait_is_not_told_to_quiet_readers() {
    server.begin("started", TROUBLE, request -> server.sent().isEmpty());

    fly(Duration.ofMinutes(3)).get("/v1/apps/{app}", "mcp-demo");

    assertEquals(List.of(), quiet);
  }
}
