//SOURCES Gatekeeper.java MachinesApi.java ../faults/Faults.java ../http/RequestLog.java ../model/ApiError.java
//SOURCES ../store/Journal.java
package fly.sandbox.api;

import fly.sandbox.faults.Faults;
import fly.sandbox.http.RequestLog;
import fly.sandbox.model.ApiError;
import fly.sandbox.store.Journal;
import java.nio.ByteBuffer;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * A short way for the two most frequent requests: reading a Machine, and creating one if nothing is
 * recorded. Anything unusual, and each refusal, passes unchanged to the usual filters and routes.
 */
public final class DirectMachines extends Handler.Wrapper {
  private static final String APPS = "/v1/apps/";
  private static final String MACHINES = "/machines";
  private static final int LONGEST_BODY = 1 << 14;

  private final Gatekeeper gatekeeper;
  private final Faults faults;
  private final MachinesApi machines;
  private final Journal journal;
  private final RequestLog log;

  public DirectMachines(
      Gatekeeper gatekeeper, Faults faults, MachinesApi machines, Journal journal, RequestLog log) {
    this.gatekeeper = gatekeeper;
    this.faults = faults;
    this.machines = machines;
    this.journal = journal;
    this.log = log;
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) throws Exception {
    var start = System.nanoTime();
    var path = request.getHttpURI().getPath();
    if (path == null || !path.startsWith(APPS) || !isUsual(request)) {
      return super.handle(request, response, callback);
    }
    var appEnd = path.indexOf('/', APPS.length());
    if (appEnd < 0 || !path.startsWith(MACHINES, appEnd)) {
      return super.handle(request, response, callback);
    }
    var app = path.substring(APPS.length(), appEnd);
    var rest = path.substring(appEnd + MACHINES.length());
    if (request.getMethod().equals("POST") && rest.isEmpty()) {
      return create(app, start, request, response, callback);
    }
    var answer = request.getMethod().equals("GET") ? read(app, rest, request) : null;
    if (answer == null) return super.handle(request, response, callback);
    log.add("GET", path, 200, milliseconds(start), null);
    send(response, answer, callback);
    return true;
  }

  /** The request has no query, and would pass the filters without a trace. */
  private boolean isUsual(Request request) {
    var headers = request.getHeaders();
    return request.getHttpURI().getQuery() == null
        && !headers.contains(HttpHeader.TRANSFER_ENCODING)
        && !headers.contains(HttpHeader.EXPECT)
        && faults.areOff()
        && gatekeeper.isUsual(
            headers.get(HttpHeader.HOST),
            headers.get("Origin"),
            headers.get(HttpHeader.AUTHORIZATION));
  }

  /** The Machine's JSON; null if the request takes the usual way. */
  private byte[] read(String app, String rest, Request request) {
    if (rest.length() < 2 || rest.charAt(0) != '/') return null;
    if (request.getHeaders().contains(HttpHeader.CONTENT_LENGTH)) return null;
    try {
      var answer = machines.read(app, rest.substring(1));
      journal.flushIfPossible();
      return answer;
    } catch (ApiError e) {
      return null;
    }
  }

  private boolean create(
      String app, long start, Request request, Response response, Callback callback)
      throws Exception {
    var length = request.getLength();
    if (journal.records() || length < 1 || length > LONGEST_BODY) {
      return super.handle(request, response, callback);
    }
    var chunk = request.read();
    if (chunk == null || Content.Chunk.isFailure(chunk)) {
      return super.handle(request, response, callback);
    }
    MachinesApi.Created created = null;
    var body = new byte[chunk.remaining()];
    if (body.length == length) {
      chunk.getByteBuffer().duplicate().get(body);
      try {
        created = machines.create(app, body);
      } catch (ApiError e) {
        // refused below, in the words of the usual way
      }
    }
    if (created == null) return super.handle(new Unread(request, chunk), response, callback);
    chunk.release();
    machines.launch(created);
    log.add("POST", request.getHttpURI().getPath(), 200, milliseconds(start), body);
    send(response, created.answer(), callback);
    return true;
  }

  private static float milliseconds(long start) {
    return (System.nanoTime() - start) / 1e6f;
  }

  private static void send(Response response, byte[] json, Callback callback) {
    response.setStatus(200);
    response
        .getHeaders()
        .put(HttpHeader.CONTENT_TYPE, "application/json")
        .put(Gatekeeper.REQUEST_ID, Gatekeeper.requestId())
        .put(HttpHeader.CONTENT_LENGTH, json.length);
    response.write(true, ByteBuffer.wrap(json), callback);
  }

  /** A request whose first chunk was read, and is there to be read again. */
  private static final class Unread extends Request.Wrapper {
    private Content.Chunk first;

    Unread(Request request, Content.Chunk first) {
      super(request);
      this.first = first;
    }

    @Override
    public Content.Chunk read() {
      if (first == null) return super.read();
      var read = first;
      first = null;
      return read;
    }

    @Override
    public void demand(Runnable ready) {
      if (first == null) super.demand(ready);
      else ready.run();
    }
  }
}
