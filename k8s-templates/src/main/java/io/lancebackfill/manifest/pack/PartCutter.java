package io.lancebackfill.manifest.pack;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.commons.codec.digest.MurmurHash3;

/**
 * Cuts files into parts of bounded size. A part that is too large is halved by the next bit of its
 * files' hashed names, so a file that changes, comes or goes touches its own part alone. A file
 * larger than the limit is a part by itself.
 */
final class PartCutter {
  private static final int BITS = Long.SIZE;

  /** A part and its files, sorted by name. */
  record Cut(Part part, List<HashedFile> files) {}

  /**
   * A file and where it belongs.
   *
   * @param name in UTF-8; the order of these bytes is that of no locale
   * @param place the name's hash, whose bits decide
   */
  private record Placed(HashedFile file, byte[] name, long place) {
    static Placed of(HashedFile file) {
      byte[] name = file.source().name().getBytes(StandardCharsets.UTF_8);
      return new Placed(file, name, MurmurHash3.hash128x64(name)[0]);
    }

    boolean bit(int at) {
      return (place >>> at & 1) == 1;
    }

    long size() {
      return file.source().stamp().size();
    }
  }

  private final PartKind kind;
  private final PackagingOptions.Limits limits;
  private final List<Cut> cuts = new ArrayList<>();

  private PartCutter(PartKind kind, PackagingOptions.Limits limits) {
    this.kind = kind;
    this.limits = limits;
  }

  /** The parts of one kind's files. */
  static List<Cut> cut(PartKind kind, List<HashedFile> files, PackagingOptions.Limits limits) {
    PartCutter cutter = new PartCutter(kind, limits);
    List<Placed> small = new ArrayList<>();
    for (HashedFile file : files) {
      Placed placed = Placed.of(file);
      if (placed.size() > limits.partBytes()) {
        cutter.add(List.of(placed));
      } else {
        small.add(placed);
      }
    }
    cutter.halve(small, 0);
    return cutter.cuts;
  }

  private void halve(List<Placed> files, int bit) {
    long bytes = 0;
    for (Placed file : files) {
      bytes += file.size();
    }
    boolean fits = bytes <= limits.partBytes() && files.size() <= limits.partFiles();
    if (fits || files.size() == 1 || bit == BITS) {
      if (!files.isEmpty()) {
        add(files);
      }
      return;
    }
    List<Placed> clear = new ArrayList<>();
    List<Placed> set = new ArrayList<>();
    for (Placed file : files) {
      (file.bit(bit) ? set : clear).add(file);
    }
    halve(clear, bit + 1);
    halve(set, bit + 1);
  }

  private void add(List<Placed> unsorted) {
    List<Placed> files = new ArrayList<>(unsorted);
    files.sort((a, b) -> Arrays.compareUnsigned(a.name(), b.name()));
    PartListing listing = new PartListing();
    long bytes = 0;
    for (Placed placed : files) {
      listing.add(placed.name(), placed.file().source().executable(), placed.file().hash());
      bytes += placed.size();
    }
    cuts.add(
        new Cut(
            new Part(kind, listing.hash(), bytes, files.size()),
            files.stream().map(Placed::file).toList()));
  }
}
