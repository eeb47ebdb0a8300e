package fly.page;

/** Replaces what differs from run to run: ids, times, addresses, ports; cuts headers and lines. */
final class Mask {
  private static final String[][] RULES = {
    {"(?m)^(HTTP/1\\.1 \\d+ [\\w ]+)\\r?\\n(?:[\\w-]+: .*\\r?\\n)+\\r?\\n", "$1\n"},
    {"\"((?:\\w*_)?id|version)\":\"?[\\w-]+\"?", "\"$1\":\"ID\""},
    {"\"zone\":\"\\w+\"", "\"zone\":\"ZONE\""},
    {"\\b[a-z]+-[a-z]+-\\d{1,4}\\b", "NAME"},
    {"\"created_at\":\\d+", "\"created_at\":TIME"},
    {"\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z", "TIME"},
    {"\\b01[0-9A-HJKMNP-TV-Z]{24}\\b", "VERSION"},
    {"vol_\\w+", "vol_ID"},
    {"\\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\b", "UUID"},
    {"\\b[0-9a-f]{14}\\b", "MACHINE_ID"},
    {"-[0-9a-f]{12}\\b", "-RANDOM"},
    {"(127\\.0\\.0\\.1|localhost):\\d+", "SANDBOX"},
    {"\\b\\d{1,3}(\\.\\d{1,3}){3}\\b", "IPV4"},
    {"\\b[0-9a-f]{1,4}(:[0-9a-f]{0,4}){3,7}\\b", "IPV6"},
    {"#+ \\d+(\\.\\d+)? ms", "### N ms"},
    {"\\b\\d+(\\.\\d+)? ms\\b", "N ms"},
    {"(?m)^(.{96}).{4,}$", "$1 ..."},
  };

  private Mask() {}

  static String apply(String text) {
    for (var rule : RULES) text = text.replaceAll(rule[0], rule[1]);
    return text.replaceAll("(?m)[ \\t]+$", "");
  }
}
