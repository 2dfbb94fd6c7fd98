package io.lancebackfill.cluster.fields;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Kubernetes quantities ({@code 8Gi}, {@code 500m}) on a Spark that has no Kubernetes client. */
public final class Quantities {
  private static final Pattern QUANTITY =
      Pattern.compile("(\\d{1,30}(?:\\.\\d{1,30})?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?");

  private static final Map<String, BigDecimal> UNITS =
      Map.ofEntries(
          Map.entry("m", new BigDecimal("0.001")),
          Map.entry("k", BigDecimal.TEN.pow(3)),
          Map.entry("M", BigDecimal.TEN.pow(6)),
          Map.entry("G", BigDecimal.TEN.pow(9)),
          Map.entry("T", BigDecimal.TEN.pow(12)),
          Map.entry("P", BigDecimal.TEN.pow(15)),
          Map.entry("E", BigDecimal.TEN.pow(18)),
          Map.entry("Ki", BigDecimal.valueOf(1L << 10)),
          Map.entry("Mi", BigDecimal.valueOf(1L << 20)),
          Map.entry("Gi", BigDecimal.valueOf(1L << 30)),
          Map.entry("Ti", BigDecimal.valueOf(1L << 40)),
          Map.entry("Pi", BigDecimal.valueOf(1L << 50)),
          Map.entry("Ei", BigDecimal.valueOf(1L << 60)));

  private static final BigDecimal MIB = BigDecimal.valueOf(1L << 20);

  private Quantities() {}

  /** The amount in the resource's unit (cores, bytes, devices), or empty if it is no quantity. */
  public static Optional<BigDecimal> amount(String text) {
    Matcher matcher = QUANTITY.matcher(text);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    String unit = matcher.group(2);
    BigDecimal number = new BigDecimal(matcher.group(1));
    return Optional.of(unit == null ? number : number.multiply(UNITS.getOrDefault(unit, MIB)));
  }

  /** Whole MiB of an amount of bytes, rounded down; at most {@code Integer.MAX_VALUE}. */
  static long mebibytes(BigDecimal bytes) {
    return bytes
        .divide(MIB, 0, RoundingMode.DOWN)
        .min(BigDecimal.valueOf(Integer.MAX_VALUE))
        .longValueExact();
  }
}
