//SOURCES ../Fly.java ../Settings.java Checkup.java Local.java Remote.java WrapperCache.java
package fly.doctor;

import fly.Fly;
import fly.Settings;

/** The checks of fly-doctor, each after those on which it depends. */
public final class Examination {
  private Examination() {}

  /** Runs all checks. */
  public static void run(Checkup checkup, Fly fly) {
    checkup.check("JDK", Local::jdk);
    checkup.check("JBang", Local::jbang);
    checkup.check("wrapper", WrapperCache::found);
    checkup.check("Node", Local::node);
    checkup.check("settings", Local::settings);
    checkup.check("MCP clients", Local::clients);

    var remote = new Remote(fly);
    checkup.need("target", Remote::target);
    checkup.need("reachability", Remote::reach);
    checkup.need("token", Remote::token);
    checkup.need("access", remote::accepted);
    if (Settings.APP_NAME.get() == null) checkup.skipRest("APP_NAME, which is not set");
    checkup.need("app", remote::app);
    var addressed = checkup.beside("addresses", remote::addresses);
    checkup.beside("region", remote::region);
    checkup.beside("volumes", remote::volumes);
    var served = checkup.beside("Machines", remote::machines);
    if (!addressed) checkup.skipRest("addresses");
    if (!served) checkup.skipRest("Machines");
    checkup.need("edge", remote::edge);
    checkup.need("MCP reply", remote::mcp);
  }
}
