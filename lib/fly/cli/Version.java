package fly.cli;

import picocli.CommandLine.IVersionProvider;

/** The versions that --version shows. ./jbang --version reads those of this file, too. */
public final class Version implements IVersionProvider {
  public static final String OURS = "0.1.0";

  /** The date of the OpenAPI document that requests and the sandbox follow. */
  public static final String API = "May 2026";

  @Override
  public String[] getVersion() {
    var jbang = System.getenv().getOrDefault("FLY_JBANG_VERSION", "not pinned");
    return new String[] {
      "fly-machines " + OURS,
      "JBang " + jbang,
      "Java " + Runtime.version(),
      "Machines API description of " + API
    };
  }
}
