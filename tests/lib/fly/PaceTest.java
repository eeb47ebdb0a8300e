import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.tomakehurst.wiremock.stubbing.Scenario;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * On loopback the pace begins with the first 429, or by order; the clock counts waits that take no
 * time.
 */
class PaceTest {
  @RegisterExtension static FakeFly fake = new FakeFly();

  private static final String STOP = "/v1/apps/a/machines/{machine}/stop";

  private final FastClock clock = FastClock.ofSleeps();

  @BeforeEach
  void time() {
    Deadline.clock(clock);
    fake.stubFor(post(urlPathMatching(".*/stop")).inScenario("limit").willReturn(okJson("{}")));
    fake.stubFor(
        post(urlPathMatching(".*/limited/stop"))
            .inScenario("limit")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(status(429))
            .willSetStateTo("then"));
  }

  @AfterEach
  void realTime() {
    System.clearProperty("FLY_RATE_LIMITS");
    Deadline.clock(null);
  }

  private static Fly fly() {
    return Fly.connect(null, null, (format, args) -> {});
  }

  private Duration stops(Fly fly, String machine, int times) {
    var start = clock.nanos();
    for (int i = 0; i < times; i++) fly.action(STOP, null, machine);
    return Duration.ofNanos(clock.nanos() - start);
  }

  @Test
  void after_a_429_an_action_on_the_same_Machine_goes_out_once_a_second() {
    var took = stops(fly(), "limited", 6);

    assertTrue(took.compareTo(Duration.ofMillis(5900)) > 0, took::toString);
    assertEquals(7, fake.getAllServeEvents().size());
  }

  @Test
  void a_sandbox_that_says_that_it_has_limits_is_asked_at_their_pace_from_the_start() {
    System.setProperty("FLY_RATE_LIMITS", "on");

    var took = stops(fly(), "other", 6);

    assertEquals(Duration.ofSeconds(4), took);
    assertEquals(6, fake.getAllServeEvents().size());
  }

  @Test
  void another_Machine_does_not_wait_for_the_one_that_is_limited() {
    var fly = fly();
    stops(fly, "limited", 1);

    var took = stops(fly, "other", 6);

    assertTrue(took.compareTo(Duration.ofSeconds(4)) < 0, took::toString);
    assertEquals(8, fake.getAllServeEvents().size());
  }

  @Test
  void a_wait_beyond_the_deadline_ends_at_once_and_names_the_limit() {
    var fly = fly();
    stops(fly, "limited", 1);
    var hurried = fly.within(Deadline.after(Duration.ofMillis(500)));

    var e = assertThrows(FlyException.class, () -> stops(hurried, "limited", 1));

    assertTrue(e.why.contains("rate limit"), e::toString);
    assertTrue(e.tryNext.contains("--deadline"), e::toString);
    assertEquals(2, fake.getAllServeEvents().size());
  }
}
