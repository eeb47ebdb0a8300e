import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Deadline;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Creates whose answer is lost: exactly one thing, or an honest stop and a command that takes it.
 */
class AmbiguousCreatesTest {
  private static final FaultyFly.World WITH_VOLUME =
      new FaultyFly.World(true, null, "", true, false);

  /** All things that cost money, each with the command that creates it. */
  private enum Kind {
    APP(FaultyFly.World.NOTHING),
    ADDRESS(FaultyFly.World.EMPTY, "--type", "v4"),
    ADDRESS_BY_REST(FaultyFly.World.EMPTY, "--type", "v4", "--rest"),
    VOLUME(FaultyFly.World.EMPTY, "--region", "iad"),
    MACHINE(WITH_VOLUME),
    NAMED_MACHINE(WITH_VOLUME, "--name", "one");

    private final FaultyFly.World world;
    private final List<String> arguments;

    Kind(FaultyFly.World world, String... arguments) {
      this.world = world;
      this.arguments = List.of(arguments);
    }

    Object script() {
      return switch (this) {
        case APP -> new CreateApp();
        case ADDRESS, ADDRESS_BY_REST -> new AllocateIps();
        case VOLUME -> new CreateVolume();
        case MACHINE, NAMED_MACHINE -> new CreateMachine();
      };
    }
  }

  /** Looks after the lost answer. */
  private enum Look {
    WORKS,
    FAILS_AT_FIRST,
    FAILS;

    boolean fails(int look) {
      return this == FAILS || this == FAILS_AT_FIRST && look < 3;
    }
  }

  private FaultyFly fly;

  @BeforeEach
  void start() throws IOException {
    fly = new FaultyFly();
    Script.settings(fly.url(), FakeFly.TOKEN);
    Deadline.clock(new FastClock());
  }

  @AfterEach
  void stop() throws IOException {
    Deadline.clock(null);
    fly.close();
  }

  private static Script.Result run(Kind kind, List<String> more) {
    var words = new ArrayList<>(List.of("--deadline", "60s"));
    words.addAll(kind.arguments);
    words.addAll(more);
    return Script.run(kind.script(), words.toArray(String[]::new));
  }

  /** The number of things that the command has created. */
  private int created(Kind kind) {
    var before = (kind.world.app() ? 1 : 0) + (kind.world.volume() ? 1 : 0);
    return fly.things() - before;
  }

  /** The first write has its effect, or not, and no answer; the looks after it go by the look. */
  private void lose(boolean acts, Look look) {
    FaultyFly.Fault reset = (line, out) -> line.setSoLinger(true, 0);
    FaultyFly.Fault trouble =
        FaultyFly.Fault.idle(
            (line, out) -> FaultyFly.answer(out, 503, "application/json", "{\"error\":\"x\"}"));
    var writes = new AtomicInteger();
    var looks = new AtomicInteger();
    var writing = new boolean[1];
    Predicate<FaultyFly.Sent> when =
        request -> {
          writing[0] = request.write();
          if (request.write()) return writes.getAndIncrement() == 0;
          return writes.get() > 0 && look.fails(looks.getAndIncrement());
        };
    var lost = acts ? reset : FaultyFly.Fault.idle(reset);
    fly.fault(
        new FaultyFly.Fault() {
          @Override
          public void answer(java.net.Socket line, java.io.OutputStream out)
              throws IOException, InterruptedException {
            (writing[0] ? lost : trouble).answer(line, out);
          }

          @Override
          public boolean acts() {
            return (writing[0] ? lost : trouble).acts();
          }
        },
        when);
  }

  @Test
  void exactly_one_thing_or_an_honest_stop_that_names_the_command_that_takes_it() {
    var cells = 0;
    var stops = 0;
    for (var kind : Kind.values()) {
      for (var lag : List.of(0, 5, 12)) {
        for (var look : Look.values()) {
          for (var acts : List.of(true, false)) {
            var cell = "%s, lag %d s, look %s, acts %s".formatted(kind, lag, look, acts);
            fly.begin(kind.world, null, request -> false);
            fly.lag(Duration.ofSeconds(lag));
            lose(acts, look);

            var result = run(kind, List.of());

            cells++;
            if (result.exit() == 0) {
              assertEquals(1, created(kind), cell + ": " + result.err());
            } else {
              stops++;
              assertEquals(5, result.exit(), cell + ": " + result.err());
              assertTrue(created(kind) <= 1, cell);
              assertTrue(result.err().contains("may "), cell + ": " + result.err());
              runAgain(kind, result, cell);
            }
          }
        }
      }
    }
    System.out.printf(
        "%d ambiguous creates: %d honest stops, the rest exactly one%n", cells, stops);
    assertTrue(stops < cells / 2, "most are resolved: " + stops);
  }

  /** Later, with everything in order: as the line {@code try:} has it. */
  private void runAgain(Kind kind, Script.Result stopped, String cell) {
    var next = stopped.err().replaceFirst("(?s).*\n  try: ", "");
    assertTrue(next.contains(" takes "), cell + ": " + next);
    Deadline.sleep(Duration.ofMinutes(1));
    fly.fault(null, request -> false);
    var mark = next.replaceFirst("(?s).*(--launch-id \\S+).*", "$1");
    var more = mark.startsWith("--launch-id") ? List.of(mark.split(" ")) : List.<String>of();

    var again = run(kind, more);

    assertEquals(0, again.exit(), cell + ": " + again.err());
    assertEquals(1, created(kind), cell + ": " + again.err());
  }

  @Test
  void a_command_that_runs_again_takes_the_thing_that_is_there() {
    for (var kind : Kind.values()) {
      fly.begin(kind.world, null, request -> false);
      var more = kind == Kind.MACHINE ? List.of("--launch-id", "l1") : List.<String>of();

      run(kind, more);
      var again = run(kind, more);

      assertEquals(0, again.exit(), kind + ": " + again.err());
      assertEquals(1, created(kind), kind + ": " + again.err());
    }
  }

  @Test
  void two_at_once_make_one_thing_or_say_that_there_are_two() throws Exception {
    var threads = Executors.newFixedThreadPool(2);
    for (var kind : Kind.values()) {
      // Both have looked before either creates: the worst moment.
      var both = new CyclicBarrier(2);
      fly.begin(kind.world, null, request -> false);
      fly.meet(both);
      var more = kind == Kind.MACHINE ? List.of("--launch-id", "l2") : List.<String>of();

      var one = CompletableFuture.supplyAsync(() -> run(kind, more), threads);
      var other = CompletableFuture.supplyAsync(() -> run(kind, more), threads);
      var told = one.get().err() + other.get().err();

      assertEquals(0, one.get().exit(), kind + ": " + one.get().err());
      assertEquals(0, other.get().exit(), kind + ": " + other.get().err());
      var unique = kind == Kind.APP || kind == Kind.MACHINE || kind == Kind.NAMED_MACHINE;
      assertEquals(unique ? 1 : 2, created(kind), kind + ": " + told);
      assertEquals(!unique, told.contains("was created at the same moment"), kind + ": " + told);
    }
    threads.shutdown();
  }
}
