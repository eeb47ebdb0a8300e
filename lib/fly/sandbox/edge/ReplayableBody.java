//SOURCES ../model/ApiError.java
package fly.sandbox.edge;

import fly.sandbox.model.ApiError;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;

/** The body of a request. Its first part is kept, in case the request has to be sent again. */
final class ReplayableBody {
  /**
   * Bytes of a body that can be sent again;
   * https://fly.io/docs/networking/dynamic-request-routing/.
   */
  static final int MOST = 1 << 20;

  private final InputStream source;
  private final Runnable ended;
  private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
  private boolean whole = true;
  private Object reader;

  /**
   * @param ended called at the end of the body
   */
  ReplayableBody(InputStream source, Runnable ended) {
    this.source = source;
    this.ended = ended;
  }

  /** The body from its beginning; a stream that was handed out before fails from now on. */
  synchronized InputStream again() {
    if (!whole) {
      throw ApiError.bodyTooLargeToReplay();
    }
    var rest =
        new InputStream() {
          @Override
          public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
          }

          @Override
          public int read(byte[] bytes, int start, int length) throws IOException {
            return next(this, bytes, start, length);
          }
        };
    reader = rest;
    return new SequenceInputStream(new ByteArrayInputStream(kept.toByteArray()), rest);
  }

  private synchronized int next(Object who, byte[] bytes, int start, int length)
      throws IOException {
    if (who != reader) throw new IOException("the request has been sent to another Machine");
    var read = source.read(bytes, start, length);
    if (read > 0 && kept.size() + read > MOST) {
      whole = false;
      kept.reset();
    }
    if (read > 0 && whole) kept.write(bytes, start, read);
    if (read < 0) ended.run();
    return read;
  }
}
