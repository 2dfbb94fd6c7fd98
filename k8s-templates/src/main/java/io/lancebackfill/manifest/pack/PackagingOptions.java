package io.lancebackfill.manifest.pack;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How a manifest is packaged.
 *
 * @param folder where relative paths begin; what lies below it is the workspace
 * @param python the session's Python
 * @param cache a folder of this machine and user, for hashes and installed packages
 * @param localZipOutputDir where zips are left, or null: they are deleted once uploaded
 * @param deleteLocalZips whether the zips in {@code localZipOutputDir} are deleted too
 * @param skipSitePackages whether the workers' image has the packages, whatever the manifest says
 * @param limits of parts and threads
 */
public record PackagingOptions(
    Path folder,
    String python,
    Path cache,
    @Nullable Path localZipOutputDir,
    boolean deleteLocalZips,
    boolean skipSitePackages,
    Limits limits) {

  /**
   * Limits of packaging.
   *
   * @param partBytes bytes of files after which a part is cut in two; a larger file is alone
   * @param partFiles files after which a part is cut in two
   * @param threads that hash and zip; at least 1
   */
  public record Limits(long partBytes, int partFiles, int threads) {
    public Limits {
      if (partBytes < 1 || partFiles < 1 || threads < 1) {
        throw new IllegalArgumentException(
            "Limits of packaging are at least 1: partBytes "
                + partBytes
                + ", partFiles "
                + partFiles
                + ", threads "
                + threads);
      }
    }
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Collects options. */
  public static final class Builder {
    private Path folder = Path.of("");
    private String python = "python3";
    private Path cache = Path.of(System.getProperty("user.home"), ".cache", "lance-backfill");
    private @Nullable Path localZipOutputDir;
    private boolean deleteLocalZips;
    private boolean skipSitePackages;
    private long partBytes = 16L << 20;
    private int partFiles = 2048;
    private int threads = Runtime.getRuntime().availableProcessors();

    private Builder() {}

    public Builder folder(Path workspace) {
      this.folder = workspace;
      return this;
    }

    public Builder python(String executable) {
      this.python = executable;
      return this;
    }

    public Builder cache(Path folder) {
      this.cache = folder;
      return this;
    }

    public Builder localZipOutputDir(@Nullable Path folder) {
      this.localZipOutputDir = folder;
      return this;
    }

    public Builder deleteLocalZips(boolean delete) {
      this.deleteLocalZips = delete;
      return this;
    }

    public Builder skipSitePackages(boolean skip) {
      this.skipSitePackages = skip;
      return this;
    }

    public Builder partBytes(long bytes) {
      this.partBytes = bytes;
      return this;
    }

    public Builder partFiles(int files) {
      this.partFiles = files;
      return this;
    }

    public Builder threads(int count) {
      this.threads = count;
      return this;
    }

    public PackagingOptions build() {
      return new PackagingOptions(
          folder,
          python,
          cache,
          localZipOutputDir,
          deleteLocalZips,
          skipSitePackages,
          new Limits(partBytes, partFiles, threads));
    }
  }
}
