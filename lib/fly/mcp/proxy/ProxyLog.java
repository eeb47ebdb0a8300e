package fly.mcp.proxy;

/** Receives the events of a proxy, for people: no secrets, and no content of messages. */
public interface ProxyLog {
  void line(String text);

  /** The server is away, and the proxy tries again; called once per reason. */
  default void waiting(String why) {
    line("waiting: " + why);
  }
}
