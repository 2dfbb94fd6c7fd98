package io.lancebackfill.manifest.pack;

import java.util.Arrays;
import java.util.Optional;

/** Where the files of a part come from, and so how often they change. */
public enum PartKind {
  /** Files below the folder in which the manifest is packaged. */
  WORKSPACE("workspace"),
  /** Packages that pip installed. */
  SITE_PACKAGES("site-packages"),
  /** Files from elsewhere. */
  OTHER("other");

  private final String text;

  PartKind(String text) {
    this.text = text;
  }

  static Optional<PartKind> of(String text) {
    return Arrays.stream(values()).filter(kind -> kind.text.equals(text)).findFirst();
  }

  /** As JSON has it: {@code site-packages}. */
  @Override
  public String toString() {
    return text;
  }
}
