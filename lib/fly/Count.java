package fly;

/** Counts with their noun: {@code 1 Machine}, {@code 2 Machines}. */
public final class Count {
  private Count() {}

  /** {@code noun} is the word for one, whose plural takes an s. */
  public static String of(long number, String noun) {
    return number + " " + noun + (number == 1 ? "" : "s");
  }
}
