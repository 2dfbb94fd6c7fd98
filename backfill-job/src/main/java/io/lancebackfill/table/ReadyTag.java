package io.lancebackfill.table;

import io.lancebackfill.config.BackfillOptions;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.state.ComputedColumn;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The tag {@code <column>.ready} of a table: the last version in which a computed column had no row
 * that was yet to be computed. Who reads the tag never sees a column half filled.
 */
public final class ReadyTag {
  /** Lance's tags have letters, digits, {@code .}, {@code -} and {@code _} only. */
  private static final Pattern NOT_IN_TAGS = Pattern.compile("[^\\p{L}\\p{N}._-]");

  private ReadyTag() {}

  /** The tag of a column; other characters of its name are as {@code _x20_} there. */
  public static String of(String column) {
    return NOT_IN_TAGS
            .matcher(column)
            .replaceAll(
                match -> Matcher.quoteReplacement("_x%x_".formatted(match.group().codePointAt(0))))
        + ".ready";
  }

  /** Moves the tags of a column, or of each of a group, to a version. */
  public static void move(TableTarget table, ComputedColumn column, long version) {
    tags(column).forEach(tag -> Tables.tag(table, tag, version));
  }

  /** Takes the tags of a column away that is no more. */
  public static void remove(TableTarget table, ComputedColumn column) {
    tags(column).forEach(tag -> LanceTables.untag(table.ref(), tag));
  }

  /** Whether a column's declaration asks for tags. */
  public static boolean isDeclared(ComputedColumn column) {
    String option = column.options().get(BackfillOptions.READY_TAG.name());
    return option == null ? !column.require().isEmpty() : Boolean.parseBoolean(option);
  }

  private static List<String> tags(ComputedColumn column) {
    return column.names().stream().map(ReadyTag::of).toList();
  }
}
