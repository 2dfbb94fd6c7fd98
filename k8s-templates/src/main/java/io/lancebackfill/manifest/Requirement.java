package io.lancebackfill.manifest;

import io.lancebackfill.secret.Secrets;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One requirement as PEP 508 writes it.
 *
 * @param name normalised as PEP 503 does: lower case, {@code -} for runs of {@code - _ .}
 * @param pinned the version of {@code ==}, or null
 * @param marker whether it is for some workers alone
 */
public record Requirement(String name, @Nullable String pinned, boolean marker) {
  private static final Pattern FORM =
      Pattern.compile(
          "\\s*(?<name>[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)\\s*(\\[[A-Za-z0-9._,\\s-]*\\])?\\s*"
              + "(@\\s*\\S+|\\(?(?<specs>(\\s*(===|==|~=|!=|<=|>=|<|>)\\s*[A-Za-z0-9.*+!_-]+\\s*"
              + "(,|(?=[;)]|$)))*)\\)?)\\s*(?<marker>;.+)?");
  private static final Pattern PIN = Pattern.compile("={2,3}\\s*([^\\s,*]+)\\s*,?\\s*");
  private static final Pattern SEPARATORS = Pattern.compile("[-_.]+");

  /**
   * Reads one requirement.
   *
   * @throws IllegalArgumentException with problem and remedy
   */
  public static Requirement parse(String text) {
    if (text.strip().startsWith("-")) {
      throw new IllegalArgumentException(
          "'"
              + Secrets.redacted(text)
              + "' is an option of pip. Put it into a requirements file, or into pip's own"
              + " configuration.");
    }
    if (Secrets.holds(text)) {
      throw new IllegalArgumentException(
          "'"
              + Secrets.redacted(text)
              + "' holds a password, and a manifest stores none. Put it into pip's own"
              + " configuration or ~/.netrc.");
    }
    Matcher form = FORM.matcher(text);
    if (!form.matches()) {
      throw new IllegalArgumentException(
          "'"
              + text
              + "' is no requirement. Write NAME, NAME==1.2.3, NAME>=1,<2 or NAME @ URL, one in"
              + " each entry.");
    }
    String specs = form.group("specs");
    Matcher pin = PIN.matcher(specs == null ? "" : specs.strip());
    return new Requirement(
        normalised(form.group("name")),
        pin.matches() ? pin.group(1) : null,
        form.group("marker") != null);
  }

  /** A package's name as PEP 503 compares it. */
  public static String normalised(String name) {
    return SEPARATORS.matcher(name).replaceAll("-").toLowerCase(Locale.ROOT);
  }
}
