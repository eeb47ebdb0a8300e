package fly.sandbox.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;

/** An app or a Machine, kept as one JSON record over the sandbox's end. */
public interface Record {
  /** The table of records: apps or machines. */
  String table();

  String recordId();

  /** The record to write; empty if it is to be removed. */
  Optional<ObjectNode> record();
}
