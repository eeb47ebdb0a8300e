import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.sandbox.model.Clock;
import fly.sandbox.model.Record;
import fly.sandbox.model.Workers;
import fly.sandbox.store.Journal;
import fly.sandbox.store.RecordStore;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The journal of a sandbox that keeps its data. */
class JournalTest {
  private record Gone(String table, String recordId) implements Record {
    @Override
    public Optional<ObjectNode> record() {
      return Optional.empty();
    }
  }

  @Test
  void what_changes_after_its_end_is_no_error(@TempDir Path folder) {
    var clock = new Clock.Virtual(Instant.EPOCH);
    var story = new ArrayList<String>();
    try (var workers = new Workers()) {
      var journal = Journal.of(new RecordStore(folder.resolve("data")), clock, workers, story::add);
      journal.start();
      journal.close();

      journal.changed(new Gone("machines", "1"));
      clock.advance(Duration.ofSeconds(1));

      assertEquals(List.of(), story);
    }
  }
}
