package io.lancebackfill.manifest.pack;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.TimeUnit;

/** Counts one step and tells the listener, five times a second at most. */
final class StepProgress {
  private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(200);

  private final PackagingListener listener;
  private final PackagingProgress.Step step;
  private final long began = System.nanoTime();
  private long totalFiles;
  private long totalBytes;
  private long files;
  private long bytes;
  private long told;

  StepProgress(
      PackagingListener listener, PackagingProgress.Step step, long totalFiles, long totalBytes) {
    this.listener = listener;
    this.step = step;
    this.totalFiles = totalFiles;
    this.totalBytes = totalBytes;
    tell(false);
  }

  synchronized void expect(long moreFiles, long moreBytes) {
    totalFiles += moreFiles;
    totalBytes += moreBytes;
  }

  synchronized void done(long moreFiles, long moreBytes) {
    files += moreFiles;
    bytes += moreBytes;
    if (System.nanoTime() - told > PAUSE) {
      tell(false);
    }
  }

  synchronized void doneWithAll() {
    files = totalFiles;
    bytes = totalBytes;
  }

  synchronized void finish() {
    tell(true);
  }

  private void tell(boolean finished) {
    told = System.nanoTime();
    double seconds = (told - began) / (double) TimeUnit.SECONDS.toNanos(1);
    // All steps have one listener, and zipping and uploading overlap.
    synchronized (listener) {
      listener.progress(
          new PackagingProgress(step, files, totalFiles, bytes, totalBytes, seconds, finished));
    }
  }

  /** Counts what is read. */
  InputStream counting(InputStream in) {
    return new FilterInputStream(in) {
      @Override
      public int read() throws IOException {
        int read = super.read();
        if (read >= 0) {
          done(0, 1);
        }
        return read;
      }

      @Override
      public int read(byte[] target, int offset, int length) throws IOException {
        int read = super.read(target, offset, length);
        if (read > 0) {
          done(0, read);
        }
        return read;
      }
    };
  }
}
