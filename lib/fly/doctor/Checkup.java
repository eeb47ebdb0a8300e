//SOURCES ../Fly.java ../FlyException.java
package fly.doctor;

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;

/** Checks, one after the other. If a check fails, those that depend on it are skipped. */
public final class Checkup {
  /**
   * The result of a check.
   *
   * @param status ok, failed or skipped
   * @param detail a few words: the finding, or why it was skipped
   * @param failure null unless it failed
   */
  public record Finding(String name, String status, String detail, FlyException failure) {
    public ObjectNode json() {
      var json = Fly.JSON.createObjectNode().put("check", name).put("status", status);
      if (failure == null) return json.put("detail", detail);
      return json.put("what", failure.what).put("why", failure.why).put("try", failure.tryNext);
    }
  }

  private final List<Finding> findings = new ArrayList<>();
  private final Consumer<Finding> onFinding;
  private String missing;

  /**
   * @param onFinding receives each finding when its check has ended
   */
  public Checkup(Consumer<Finding> onFinding) {
    this.onFinding = onFinding;
  }

  public List<Finding> findings() {
    return List.copyOf(findings);
  }

  /** Runs a check on which no other depends. */
  public void check(String name, Callable<String> check) {
    run(name, check);
  }

  /** Runs a check on which the next of its kind depend. */
  public void need(String name, Callable<String> check) {
    if (missing != null) add(new Finding(name, "skipped", "needs: " + missing, null));
    else if (!run(name, check)) missing = name;
  }

  /**
   * Runs a check that depends on the earlier ones of its kind; the next ones do not depend on it.
   *
   * @return true if it is ok
   */
  public boolean beside(String name, Callable<String> check) {
    if (missing == null) return run(name, check);
    add(new Finding(name, "skipped", "needs: " + missing, null));
    return false;
  }

  /** Skips all further needed checks. */
  public void skipRest(String why) {
    if (missing == null) missing = why;
  }

  private boolean run(String name, Callable<String> check) {
    try {
      add(new Finding(name, "ok", check.call(), null));
      return true;
    } catch (FlyException e) {
      add(new Finding(name, "failed", e.what, e));
    } catch (Exception e) {
      add(new Finding(name, "failed", e.toString(), new FlyException(e.toString(), "", "")));
    }
    return false;
  }

  private void add(Finding finding) {
    findings.add(finding);
    onFinding.accept(finding);
  }

  /** The first failure; null if there is none. */
  public FlyException firstFailure() {
    return findings.stream()
        .map(Finding::failure)
        .filter(failure -> failure != null)
        .findFirst()
        .orElse(null);
  }
}
