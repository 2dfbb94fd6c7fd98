package io.lancebackfill.python;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/**
 * Streams as channels that move up to 128 KiB in one call. Those of the JDK move 8, and so each
 * vector of a batch went through its socket in pieces of that size. For one thread.
 */
final class WideChannels {
  /** What a socket of the JDK takes at once. */
  private static final int BYTES = 128 << 10;

  private WideChannels() {}

  /** Reads what is there, and waits only if that is nothing. Closing it closes the stream. */
  static ReadableByteChannel of(InputStream in) {
    return new Reading(in);
  }

  /** Writes all that it is given. Closing it closes the stream. */
  static WritableByteChannel of(OutputStream out) {
    return new Writing(out);
  }

  private static final class Reading implements ReadableByteChannel {
    private final InputStream in;
    private final byte[] moved = new byte[BYTES];
    private boolean open = true;

    Reading(InputStream in) {
      this.in = in;
    }

    @Override
    public int read(ByteBuffer to) throws IOException {
      int bytes = in.read(moved, 0, Math.min(to.remaining(), BYTES));
      if (bytes > 0) {
        to.put(moved, 0, bytes);
      }
      return bytes;
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void close() throws IOException {
      open = false;
      in.close();
    }
  }

  private static final class Writing implements WritableByteChannel {
    private final OutputStream out;
    private final byte[] moved = new byte[BYTES];
    private boolean open = true;

    Writing(OutputStream out) {
      this.out = out;
    }

    @Override
    public int write(ByteBuffer from) throws IOException {
      int bytes = from.remaining();
      while (from.hasRemaining()) {
        int some = Math.min(from.remaining(), BYTES);
        from.get(moved, 0, some);
        out.write(moved, 0, some);
      }
      return bytes;
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void close() throws IOException {
      open = false;
      out.close();
    }
  }
}
