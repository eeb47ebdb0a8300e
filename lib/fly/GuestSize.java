package fly;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A size of Machine: kind and number of its CPUs, and the memory that it can have.
 *
 * @param name such as {@code shared-cpu-1x}, for {@code config.size}
 * @param cpuKind shared or performance
 * @param least MB of memory, which is the default
 * @param most MB of memory
 * @param step MB; the memory is a multiple of it
 * @see <a href="https://fly.io/docs/machines/guides-examples/machine-sizing/">Machine sizing</a>
 */
public record GuestSize(String name, String cpuKind, int cpus, int least, int most, int step) {
  private static final Map<String, List<Integer>> CPUS =
      Map.of(
          "shared", List.of(1, 2, 4, 6, 8),
          "performance", List.of(1, 2, 4, 6, 8, 10, 12, 14, 16));

  /** All sizes, the smallest first. */
  public static final List<GuestSize> ALL =
      Stream.of("shared", "performance")
          .flatMap(kind -> CPUS.get(kind).stream().map(cpus -> size(kind, cpus)))
          .toList();

  public static boolean isKind(String cpuKind) {
    return CPUS.containsKey(cpuKind);
  }

  public static Optional<GuestSize> of(String cpuKind, int cpus) {
    return ALL.stream().filter(s -> s.cpuKind.equals(cpuKind) && s.cpus == cpus).findFirst();
  }

  public static Optional<GuestSize> named(String name) {
    return ALL.stream().filter(size -> size.name.equals(name)).findFirst();
  }

  private static GuestSize size(String kind, int cpus) {
    return kind.equals("shared")
        ? new GuestSize("shared-cpu-" + cpus + "x", kind, cpus, 256 * cpus, 2048 * cpus, 256)
        : new GuestSize("performance-" + cpus + "x", kind, cpus, 2048 * cpus, 8192 * cpus, 1024);
  }
}
