package io.lancebackfill.manifest.pack;

/**
 * How far a step of packaging is.
 *
 * @param step the step
 * @param files done so far; for {@code INSTALLING} packages
 * @param totalFiles to be done in the step, as far as it is known
 * @param bytes done so far; in {@code UPLOADING} of zips, else of files
 * @param totalBytes to be done in the step, as far as it is known
 * @param seconds since the step began
 * @param finished whether this is the step's last event
 */
public record PackagingProgress(
    Step step,
    long files,
    long totalFiles,
    long bytes,
    long totalBytes,
    double seconds,
    boolean finished) {

  /** Zipping and uploading overlap: a part is uploaded as soon as it is zipped. */
  public enum Step {
    INSTALLING,
    HASHING,
    ZIPPING,
    UPLOADING
  }
}
