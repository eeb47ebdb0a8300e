package fly.sandbox.runtime;

import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The variables of this computer that the programs of Machines may see: enough to find programs,
 * caches and the way to the network. They get no other variable.
 */
final class HostVariables {
  private static final Pattern ALLOWED =
      Pattern.compile(
          "PATH|HOME|USER|LOGNAME|SHELL|TERM|TZ|LANG|LC_[A-Z]+|TMPDIR|TMP|TEMP"
              + "|SYSTEMROOT|COMSPEC|PATHEXT|APPDATA|LOCALAPPDATA|PROGRAMDATA|USERPROFILE"
              + "|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|NIX_SSL_CERT_FILE|NODE_EXTRA_CA_CERTS"
              + "|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|PIP_CERT|NPM_CONFIG_(REGISTRY|CACHE|CAFILE)"
              + "|JAVA_HOME|JBANG_[A-Z_]+|UV_[A-Z_]+|XDG_(CACHE|DATA|CONFIG)_HOME",
          Pattern.CASE_INSENSITIVE);

  /** Names that are secret although the list above would allow them: UV_PUBLISH_TOKEN. */
  private static final Pattern SECRET =
      Pattern.compile(
          ".*(TOKEN|SECRET|PASS|CREDENTIAL|PRIVATE|KEY|AUTH|USERNAME).*", Pattern.CASE_INSENSITIVE);

  private static final Pattern USER_INFO = Pattern.compile("://[^/@\\s]*@");

  private HostVariables() {}

  /** Those of these variables that a Machine may see, without credentials in their URLs. */
  static Map<String, String> allowed(Map<String, String> variables) {
    var allowed = new TreeMap<String, String>();
    variables.forEach(
        (name, value) -> {
          if (!ALLOWED.matcher(name).matches() || SECRET.matcher(name).matches()) return;
          allowed.put(name, USER_INFO.matcher(value).replaceAll("://"));
        });
    return allowed;
  }
}
