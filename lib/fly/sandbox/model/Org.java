package fly.sandbox.model;

/** The one organization. */
public final class Org {
  public static final String SLUG = "personal";
  public static final String ID = "sandboxorg00001";
  public static final long NUMBER = 1001;

  private Org() {}
}
