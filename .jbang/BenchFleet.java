//SOURCES ../scripts/machines/ClaimMachine.java ../scripts/machines/CreateFleet.java
//SOURCES ../scripts/machines/FleetStatus.java ../scripts/machines/ListMachines.java
//SOURCES ../scripts/machines/StartMachine.java BenchBed.java BenchReport.java
import fly.Parallel;
import fly.Volume;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The commands for many Machines against a sandbox: at the rate limit, beside curl, killed and
 * resumed, claimed at once, with little memory: {@code bench fleet
 * [creates|starts|claims|memory|large|killed]}. Each command runs in a JVM of its own.
 */
final class BenchFleet {
  private static final Pattern DONE = Pattern.compile("done in ([\\d.]+) s");

  private BenchFleet() {}

  static void run(BenchReport report) throws Exception {
    if (report.runs("creates")) creates(report, 60);
    if (report.runs("starts")) starts(report);
    if (report.runs("claims")) claims(report, 100, 60);
    if (report.runs("memory")) memory(report, 2_000);
    if (report.runs("large")) large(report, 10_000);
    if (report.runs("killed")) killed(report, 10, 40);
  }

  /** Creates at the limit: three at once, then one a second. */
  private static void creates(BenchReport report, int count) throws Exception {
    var work = "%d creates in one app, rate limits on".formatted(count);
    try (var bed = new BenchBed("--rate-limits")) {
      var run = bed.run("CreateFleet", "--count", "" + count, "--template", bed.template(false));
      var took = (bed.proxy.lastCreate - bed.proxy.firstCreate) / 1e9;
      var line = count - 3.0;
      report.holds(work, "ended well", run.exit() == 0);
      report.mark(work, "Machines", bed.machines().size(), "", BenchReport.Side.EXACTLY, count);
      report.mark(work, "first to last create", took, "s", BenchReport.Side.AT_MOST, line * 1.03);
      report.mark(work, "answers of 429", bed.proxy.limited.get(), "", BenchReport.Side.EXACTLY, 0);
    }
  }

  private static void starts(BenchReport report) throws Exception {
    try (var bed = new BenchBed("--rate-limits")) {
      compare(report, "300 stopped Machines started", bed, bed.fill(300, "my/app:1", 0));
    }
    try (var bed = new BenchBed("--rate-limits", "--image", "bench/app=exec sleep 1000")) {
      compare(report, "60 with a real process each", bed, bed.fill(60, "bench/app", 0));
    }
  }

  /** The same requests by curl and by one command, in turn; the best round of each counts. */
  private static void compare(BenchReport report, String work, BenchBed bed, List<String> ids)
      throws Exception {
    var urls = new StringBuilder();
    for (var id : ids) {
      var path = "/v1/apps/%s/machines/%s/start".formatted(bed.app, id);
      urls.append("url = \"%s%s\"\noutput = /dev/null\n".formatted(bed.direct, path));
    }
    var config = Files.writeString(bed.folder.resolve("curl"), urls).toString();
    var command =
        new ArrayList<>(List.of("curl", "-s", "-f", "--parallel", "--parallel-max", "50"));
    command.addAll(List.of("-X", "POST", "-H", "Authorization: Bearer " + bed.token));
    command.addAll(List.of("--config", config));
    var curl = Double.MAX_VALUE;
    var ours = Double.MAX_VALUE;
    var floor = Double.MAX_VALUE;
    for (int round = 0; round < 5; round++) {
      rest(bed, ids);
      floor = Math.min(floor, Double.parseDouble(bed.bareStarts(ids)));
      rest(bed, ids);
      var begin = System.nanoTime();
      var process = new ProcessBuilder(command).start();
      if (process.waitFor() != 0) throw new IOException("curl ended with " + process.exitValue());
      curl = Math.min(curl, (System.nanoTime() - begin) / 1e9);
      rest(bed, ids);
      var run = bed.wrapped("fly-start-machine", "--all");
      var done = DONE.matcher(run.err());
      if (run.exit() != 0 || !done.find()) throw new IOException(run.err());
      ours = Math.min(ours, Double.parseDouble(done.group(1)));
    }
    report.figure(work, "curl --parallel-max 50", curl, "s");
    report.figure(work, "a new JVM with sockets alone", floor, "s");
    report.figure(work, "fly-start-machine --all", ours, "s");
    flyctl(report, work, bed, ids);
    report.mark(work, "of curl's", ours / curl, "", BenchReport.Side.AT_MOST, 1.5);
  }

  /** Stopped Machines, each of which may be started again by the rate limit. */
  private static void rest(BenchBed bed, List<String> ids) throws Exception {
    bed.stop(ids);
    TimeUnit.SECONDS.sleep(1);
  }

  /** A loop over a tenth, where a flyctl is there. */
  private static void flyctl(BenchReport report, String work, BenchBed bed, List<String> ids)
      throws Exception {
    var there =
        Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "flyctl")));
    if (!there) return;
    bed.stop(ids);
    var some = ids.subList(0, Math.max(1, ids.size() / 10));
    var begin = System.nanoTime();
    for (var id : some) {
      var builder = new ProcessBuilder("flyctl", "machine", "start", id, "--app", bed.app);
      builder.environment().putAll(bed.exports);
      builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
      builder.start().waitFor();
    }
    var seconds = (System.nanoTime() - begin) / 1e9 * ids.size() / some.size();
    report.figure(work, "a loop of flyctl, from a tenth", seconds, "s");
  }

  /** Five processes, each with its share of the owners. */
  private static void claims(BenchReport report, int owners, int pool) throws Exception {
    var work = "%d claims at once on a pool of %d".formatted(owners, pool);
    try (var bed = new BenchBed()) {
      bed.fill(pool, "my/app:1", 0);
      var runs = new ArrayList<Process>();
      for (int i = 0; i < 5; i++) {
        var command = new ArrayList<>(List.of("--no-check", "--deadline", "5m"));
        IntStream.range(i * owners / 5, (i + 1) * owners / 5)
            .forEach(owner -> command.addAll(List.of("--owner", "user-" + owner)));
        runs.add(bed.process("ClaimMachine", bed.direct, command.toArray(String[]::new)));
      }
      var refused = 0;
      var ids = new HashSet<String>();
      for (var run : runs) {
        var err = BenchBed.text(run.getErrorStream());
        refused += (int) err.lines().filter(line -> line.matches("failed: .* is free.*")).count();
        BenchBed.text(run.getInputStream())
            .lines()
            .forEach(line -> ids.add(line.replaceFirst("(?s).*\"id\":\"(\\w+)\".*", "$1")));
        run.waitFor();
      }
      var names = new HashSet<String>();
      for (var machine : bed.machines()) names.add(machine.at("/config/metadata/owner").asText(""));
      names.remove("");
      report.mark(work, "owners", names.size(), "", BenchReport.Side.EXACTLY, pool);
      report.mark(work, "Machines of theirs", ids.size(), "", BenchReport.Side.EXACTLY, pool);
      report.mark(work, "refusals", refused, "", BenchReport.Side.EXACTLY, owners - pool);
    }
  }

  private static void memory(BenchReport report, int count) throws Exception {
    var work = "%,d Machines".formatted(count);
    try (var bed = new BenchBed()) {
      bed.fill(count, "my/app:1", count / 10);
      var list = used(report, work, "list", bed.direct("ListMachines", "--json"));
      report.mark(work, "list", list.peakMb(), "MB", BenchReport.Side.AT_MOST, 256);
      var start = bed.direct("StartMachine", "--metadata", "tenth=yes");
      used(report, work, "start a tenth", start);
      report.mark(work, "start a tenth", start.peakMb(), "MB", BenchReport.Side.AT_MOST, 256);
      var started = start.out().lines().count();
      report.mark(work, "started", started, "", BenchReport.Side.EXACTLY, count / 10);
      report.holds(work, "progress is shown", start.err().contains(" of " + count / 10));
    }
  }

  /** CPU and memory of this tool; there is no mark. */
  private static void large(BenchReport report, int count) throws Exception {
    var work = "%,d Machines".formatted(count);
    try (var bed = new BenchBed()) {
      bed.fill(count, "my/app:1", count / 10);
      used(report, work, "fly-list-machines", bed.direct("ListMachines", "--json"));
      used(report, work, "fly-fleet-status", bed.direct("FleetStatus"));
      var tenth = bed.direct("StartMachine", "--metadata", "tenth=yes");
      used(report, work, "fly-start-machine, a tenth", tenth);
      used(report, work, "fly-start-machine --all", bed.direct("StartMachine", "--all"));
      var again =
          bed.direct("CreateFleet", "--count", "" + count, "--template", bed.template(false));
      used(report, work, "fly-create-fleet, all there", again);
    }
  }

  private static BenchBed.Run used(BenchReport report, String work, String way, BenchBed.Run run)
      throws IOException {
    if (run.exit() != 0) throw new IOException(run.err());
    report.figure(work, way, run.cpu(), "s CPU");
    report.figure(work, way, run.peakMb(), "MB peak");
    return run;
  }

  /** Killed at a random moment, then run again until it ends by itself. */
  private static void killed(BenchReport report, int rounds, int count) throws Exception {
    var random = new Random();
    var moments = IntStream.range(0, rounds).mapToObj(i -> 1_000 + random.nextInt(45_000)).toList();
    report.say("%d Machines, killed after (ms): %s ...", count, moments);
    Parallel.each(moments, 5, moment -> killedOnce(report, moment, count));
  }

  private static void killedOnce(BenchReport report, int moment, int count) {
    var work = "%d with a volume each, killed and resumed".formatted(count);
    try (var bed = new BenchBed("--rate-limits")) {
      bed.proxy.faults = 0.05;
      bed.proxy.lagMs = 5_000;
      String[] args = {"--count", "" + count, "--template", bed.template(true)};
      var first = bed.process("CreateFleet", bed.proxy.url(), args);
      BenchBed.daemon(() -> BenchBed.copy(first.getErrorStream(), OutputStream.nullOutputStream()));
      BenchBed.daemon(() -> BenchBed.copy(first.getInputStream(), OutputStream.nullOutputStream()));
      first.waitFor(moment, TimeUnit.MILLISECONDS);
      first.destroyForcibly().waitFor();
      BenchBed.Run last = null;
      for (int again = 0; again < 3 && (last == null || last.exit() != 0); again++) {
        last = bed.run("CreateFleet", args);
      }
      var names = new HashSet<String>();
      for (var machine : bed.machines()) names.add(machine.path("name").asText());
      var machines = bed.machines().size();
      var orphans = bed.fly.volumes(bed.app).stream().filter(Volume::free).count();
      var whole = last.exit() == 0 && machines == count && names.size() == count && orphans == 0;
      var way =
          "after %.1f s: %d Machines, %d names, %d orphan volumes"
              .formatted(moment / 1e3, machines, names.size(), orphans);
      report.holds(work, way, whole);
      if (last.exit() != 0) report.say("%s", last.err());
    } catch (Exception e) {
      report.holds(work, "after %d ms: %s".formatted(moment, e), false);
    }
  }
}
