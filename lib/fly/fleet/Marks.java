package fly.fleet;

/** Keys of a Machine's metadata by which fleets and pools are kept on the platform. */
public final class Marks {
  /** The name of the fleet. */
  public static final String FLEET = "fleet";

  /** The number of the Machine in its fleet, from 1. */
  public static final String INDEX = "fleet_index";

  /** The owner that has claimed the Machine. */
  public static final String OWNER = "owner";

  /** The time of the claim, RFC 3339. */
  public static final String CLAIMED_AT = "claimed_at";

  private Marks() {}
}
