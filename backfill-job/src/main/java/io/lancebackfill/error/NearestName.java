package io.lancebackfill.error;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;
import org.apache.spark.unsafe.types.UTF8String;

/** Finds the name that a mistyped one was meant to be. */
public final class NearestName {
  private NearestName() {}

  /** The known name that differs least, if it differs so little that a slip explains it. */
  public static Optional<String> of(String given, Collection<String> known) {
    int tolerated = Math.max(2, given.length() / 3);
    return known.stream()
        .filter(name -> distance(given, name) <= tolerated)
        .min(Comparator.comparingInt(name -> distance(given, name)));
  }

  /** {@code " Did you mean 'x'?"} or nothing: for the end of a message. */
  public static String hint(String given, Collection<String> known) {
    return of(given, known).map(name -> " Did you mean '" + name + "'?").orElse("");
  }

  private static int distance(String left, String right) {
    return UTF8String.fromString(left.toLowerCase(Locale.ROOT))
        .levenshteinDistance(UTF8String.fromString(right.toLowerCase(Locale.ROOT)));
  }
}
