import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import fly.ProcessEnd;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Ends of processes. */
class ProcessEndTest {
  @Test
  void a_process_that_runs_has_not_ended() throws Exception {
    var process = new ProcessBuilder("sleep", "600").start();
    try {
      assertFalse(ProcessEnd.await(List.of(process.toHandle()), Duration.ofMillis(20)));
    } finally {
      process.destroyForcibly();
    }
    assertTrue(ProcessEnd.await(List.of(process.toHandle()), Await.LIMIT));
  }

  @Test
  void a_zombie_has_ended_though_its_parent_never_asks_for_it() throws Exception {
    assumeTrue(Files.isDirectory(Path.of("/proc/self")), "no Linux");
    // Two steps, because a shell would take the exit code of a child that ends before its exec.
    var script = "exec 3<&0; cat <&3 & exec sleep 600 3<&-";
    var parent = new ProcessBuilder("sh", "-c", script).start();
    try {
      Await.until(() -> List.of(parent.info().arguments().orElse(new String[0])).contains("600"));
      parent.getOutputStream().close();
      Await.until(() -> parent.children().anyMatch(child -> child.info().command().isEmpty()));
      var zombie = parent.children().toList();

      assertTrue(ProcessEnd.await(zombie, Await.LIMIT));
      assertTrue(zombie.get(0).isAlive(), "as the JDK sees it");
    } finally {
      parent.destroyForcibly();
    }
  }
}
