//SOURCES ../model/ApiError.java ../model/App.java ../model/Clock.java ../model/Secret.java ../store/Journal.java
package fly.sandbox.service;

import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Clock;
import fly.sandbox.model.Secret;
import fly.sandbox.store.Journal;
import java.util.Map;

/** Sets the secrets of apps. */
public final class AppSecrets {
  private final Clock clock;
  private final Journal journal;

  public AppSecrets(Clock clock, Journal journal) {
    this.clock = clock;
    this.journal = journal;
  }

  /**
   * Sets secrets; a null value removes one.
   *
   * @return the new version of the app's secrets
   */
  public long set(App app, Map<String, String> changes) {
    for (var name : changes.keySet()) {
      if (name.matches("[A-Za-z_][A-Za-z0-9_]*")) continue;
      throw ApiError.invalid("secret name: " + name);
    }
    synchronized (app) {
      app.requireThere();
      changes.forEach(
          (name, value) -> {
            var old = app.secrets.get(name);
            if (value == null) {
              app.secrets.remove(name);
            } else {
              var born = old == null ? clock.now() : old.createdAt();
              app.secrets.put(name, new Secret(name, value, born, clock.now()));
            }
          });
      journal.changed(app);
      return ++app.secretsVersion;
    }
  }
}
