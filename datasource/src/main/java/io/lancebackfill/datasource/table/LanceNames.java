package io.lancebackfill.datasource.table;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.apache.arrow.vector.types.pojo.Field;

/** Which names a column may have, so that all readers of a Lance table can read it. */
public final class LanceNames {
  /** Longer ones make every error and every plan unreadable; no reader has a limit of its own. */
  private static final int MOST_CHARACTERS = 255;

  /** Names under which Lance, lance-spark or this project show what a row has beside its values. */
  private static final Set<String> RESERVED = Set.of("_fragid", "_distance", "_score");

  /** lance-spark's filters take these for values, and find no row. */
  private static final Set<String> VALUES = Set.of("null", "true", "false");

  private static final List<String> RESERVED_PREFIXES = List.of("_row", "_lance_backfill_");
  private static final List<String> RESERVED_SUFFIXES = List.of("__blob_pos", "__blob_size");

  private LanceNames() {}

  /**
   * True of a text with a character beyond U+FFFF: Lance's Java layer takes Java's modified UTF-8
   * for UTF-8 and refuses it wherever it is no value in an Arrow buffer.
   */
  public static boolean beyondJni(String text) {
    return text.chars().anyMatch(c -> Character.isSurrogate((char) c));
  }

  /** A name without the backticks of SQL around it, if it has them. */
  public static String unquoted(String name) {
    boolean quoted =
        name.length() > 2
            && name.startsWith("`")
            && name.endsWith("`")
            && !name.substring(1, name.length() - 1).replace("``", "").contains("`");
    return quoted ? name.substring(1, name.length() - 1).replace("``", "`") : name;
  }

  /** Why a column cannot have this name, as the end of a sentence; empty if it can. */
  public static Optional<String> unfit(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    if (RESERVED.contains(lower)
        || RESERVED_PREFIXES.stream().anyMatch(lower::startsWith)
        || RESERVED_SUFFIXES.stream().anyMatch(lower::endsWith)) {
      return Optional.of(
          "it is kept for metadata columns of Lance and lance-spark, which would hide it");
    }
    if (name.equals("*")) {
      return Optional.of("Spark would take it for all columns");
    }
    if (VALUES.contains(lower)) {
      return Optional.of("a filter on it would take it for the value " + lower);
    }
    return unfitPart(name);
  }

  /** The same for a field of a struct, which no metadata column can hide. */
  private static Optional<String> unfitPart(String name) {
    if (name.isBlank()) {
      return Optional.of("it is blank");
    }
    if (beyondJni(name)) {
      return Optional.of(
          "it has a character beyond U+FFFF, by which Lance's Java layer, and so Spark, cannot ask for it");
    }
    if (name.contains("`") || name.contains(".")) {
      return Optional.of(
          "it has a "
              + (name.contains(".") ? "dot" : "backtick")
              + ", which Lance takes for a part of a path: the whole table could not be read");
    }
    if (!name.equals(name.strip()) || name.chars().anyMatch(LanceNames::isInvisible)) {
      return Optional.of("it has white space at an end, or a character that is not seen");
    }
    return name.length() > MOST_CHARACTERS
        ? Optional.of("it has more than " + MOST_CHARACTERS + " characters")
        : Optional.empty();
  }

  /** Why a column of this type cannot be: the name of a field in it; empty if it can. */
  public static Optional<String> unfitField(Field column) {
    boolean struct =
        column.getType() instanceof org.apache.arrow.vector.types.pojo.ArrowType.Struct;
    List<Field> children = column.getChildren();
    for (int i = 0; i < children.size(); i++) {
      String name = children.get(i).getName();
      Optional<String> unfit = struct ? unfitPart(name) : Optional.empty();
      if (struct && unfit.isEmpty()) {
        boolean twice =
            children.subList(0, i).stream().anyMatch(f -> f.getName().equalsIgnoreCase(name));
        unfit = twice ? Optional.of("another field differs from it in case alone") : unfit;
      }
      if (unfit.isPresent()) {
        return Optional.of("its field '%s': %s".formatted(name, unfit.get()));
      }
      Optional<String> below = unfitField(children.get(i));
      if (below.isPresent()) {
        return below;
      }
    }
    return Optional.empty();
  }

  /** Why Lance cannot be asked for a column of this name; empty if it can. */
  public static Optional<String> unreadable(String name) {
    return beyondJni(name) || name.contains("`") ? unfitPart(name) : Optional.empty();
  }

  private static boolean isInvisible(int character) {
    return Character.isISOControl(character)
        || Arrays.asList(
                (int) Character.FORMAT,
                (int) Character.LINE_SEPARATOR,
                (int) Character.PARAGRAPH_SEPARATOR)
            .contains(Character.getType(character));
  }
}
