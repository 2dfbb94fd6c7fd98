package io.lancebackfill.manifest.pack;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts files into parts of bounded size. A part that is too large is halved by the next bit of its
 * files' hashed names, so a file that changes, comes or goes touches its own part alone. A file
 * larger than the limit is a part by itself.
 */
final class PartCutter {
  private static final int BITS = 256;

  /** A part and its files, sorted by name. */
  record Cut(Part part, List<HashedFile> files) {}

  private record Placed(HashedFile file, byte[] place) {
    boolean bit(int at) {
      return (place[at >> 3] >> (7 - (at & 7)) & 1) == 1;
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
      if (file.source().stamp().size() > limits.partBytes()) {
        cutter.add(List.of(file));
      } else {
        byte[] name = file.source().name().getBytes(StandardCharsets.UTF_8);
        small.add(new Placed(file, PartListing.sha256().digest(name)));
      }
    }
    cutter.halve(small, 0);
    return cutter.cuts;
  }

  private void halve(List<Placed> files, int bit) {
    long bytes = files.stream().mapToLong(each -> each.file().source().stamp().size()).sum();
    boolean fits = bytes <= limits.partBytes() && files.size() <= limits.partFiles();
    if (fits || files.size() == 1 || bit == BITS) {
      if (!files.isEmpty()) {
        add(files.stream().map(Placed::file).toList());
      }
      return;
    }
    halve(files.stream().filter(each -> !each.bit(bit)).toList(), bit + 1);
    halve(files.stream().filter(each -> each.bit(bit)).toList(), bit + 1);
  }

  private void add(List<HashedFile> unsorted) {
    List<HashedFile> files =
        unsorted.stream()
            .sorted((a, b) -> SourceFile.BY_NAME.compare(a.source(), b.source()))
            .toList();
    PartListing listing = new PartListing();
    long bytes = 0;
    for (HashedFile file : files) {
      listing.add(file.source().name(), file.source().executable(), file.hash());
      bytes += file.source().stamp().size();
    }
    cuts.add(new Cut(new Part(kind, listing.hash(), bytes, files.size()), files));
  }
}
