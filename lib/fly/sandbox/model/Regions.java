//SOURCES ApiError.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Set;

/** Fly.io's regions. */
public final class Regions {
  /** A region, with its position in degrees. */
  public record Region(String name, double latitude, double longitude) {}

  /** The regions by code. */
  public static final Map<String, Region> ALL =
      Map.ofEntries(
          Map.entry("iad", new Region("Ashburn, Virginia (US)", 39.03, -77.49)),
          Map.entry("ams", new Region("Amsterdam, Netherlands", 52.37, 4.9)),
          Map.entry("arn", new Region("Stockholm, Sweden", 59.33, 18.07)),
          Map.entry("bom", new Region("Mumbai, India", 19.08, 72.88)),
          Map.entry("cdg", new Region("Paris, France", 48.86, 2.35)),
          Map.entry("dfw", new Region("Dallas, Texas (US)", 32.78, -96.8)),
          Map.entry("ewr", new Region("Secaucus, NJ (US)", 40.79, -74.06)),
          Map.entry("fra", new Region("Frankfurt, Germany", 50.11, 8.68)),
          Map.entry("gru", new Region("Sao Paulo, Brazil", -23.55, -46.63)),
          Map.entry("jnb", new Region("Johannesburg, South Africa", -26.2, 28.05)),
          Map.entry("lax", new Region("Los Angeles, California (US)", 34.05, -118.24)),
          Map.entry("lhr", new Region("London, United Kingdom", 51.51, -0.13)),
          Map.entry("nrt", new Region("Tokyo, Japan", 35.68, 139.69)),
          Map.entry("ord", new Region("Chicago, Illinois (US)", 41.88, -87.63)),
          Map.entry("sin", new Region("Singapore, Singapore", 1.35, 103.82)),
          Map.entry("sjc", new Region("San Jose, California (US)", 37.34, -121.89)),
          Map.entry("syd", new Region("Sydney, Australia", -33.87, 151.21)),
          Map.entry("yyz", new Region("Toronto, Canada", 43.65, -79.38)));

  /** The default region. */
  public static final String NEAREST = "iad";

  private static final Set<String> ALIASES = Set.of("any", "apac", "eu", "na", "sa", "us", "usa");

  private Regions() {}

  /** WireGuard peers can be made in this region. */
  public static boolean gateway(String region) {
    return !Set.of("gru", "jnb").contains(region);
  }

  /** The first known region of a list; the nearest for an alias or an empty list. */
  public static String of(JsonNode region) {
    if (region.asText("").isEmpty()) return NEAREST;
    for (var code : region.asText().split(",")) {
      if (ALL.containsKey(code.strip())) return code.strip();
      if (ALIASES.contains(code.strip())) return NEAREST;
    }
    throw ApiError.unknownRegion(400, region.asText());
  }
}
