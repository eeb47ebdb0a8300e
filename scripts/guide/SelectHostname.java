///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Select an API hostname: internal where it answers, else public.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/Settings.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java

import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.cli.Cli;
import fly.cli.Hint;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URL;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-select-hostname",
    header = "fly-select-hostname",
    description = "Select an API hostname: internal where it answers, else public.",
    footer = {
      "%nIn a script: export FLY_API_HOSTNAME=$(... fly-select-hostname)",
      "A FLY_API_HOSTNAME that is set already is kept, if it answers.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#select-an-api-hostname"
    })
class SelectHostname implements Runnable {
  private static final int TIMEOUT_MS = 1_000;

  /** Answers inside a Fly.io private network only. */
  String internal = "http://_api.internal:4280";

  @Mixin Cli cli;

  public static void main(String... args) {
    Cli.main(new SelectHostname(), args);
  }

  @Override
  public void run() {
    var chosen = Settings.lookup(Settings.FLY_API_HOSTNAME.name());

    cli.say("Asking %s ...", chosen == null ? internal : chosen);
    cli.out().println(chosen == null ? ours() : checked(chosen));

    cli.say("Next: export APP_NAME=$(" + Hint.of("fly-name-app") + ")");
  }

  private String ours() {
    try {
      ask(internal);
      cli.say("It answers: you are inside the private network.");
      return internal;
    } catch (IOException e) {
      var address = Settings.FLY_API_HOSTNAME.get();
      cli.say("It does not answer: you are outside the private network, so it is %s.", address);
      return address;
    }
  }

  private String checked(String chosen) {
    Fly.requireSafe(chosen);
    try {
      ask(chosen);
      cli.say("It answers, and FLY_API_HOSTNAME says so: kept.");
      return chosen;
    } catch (IOException e) {
      throw new FlyException(
          "could not reach " + chosen,
          FlyException.reason(e) + "; FLY_API_HOSTNAME names it",
          "unset FLY_API_HOSTNAME, then run this again");
    }
  }

  /** Any answer will do; without a token it is a 401 or a 404. */
  private void ask(String url) throws IOException {
    var connection =
        (HttpURLConnection) new URL(url.replaceFirst("/+$", "") + "/v1/apps").openConnection();
    connection.setConnectTimeout(TIMEOUT_MS);
    connection.setReadTimeout(5 * TIMEOUT_MS);
    connection.setInstanceFollowRedirects(false);
    var status = connection.getResponseCode();
    if (cli.verbose) cli.err().println("< " + status);
    connection.disconnect();
  }
}
