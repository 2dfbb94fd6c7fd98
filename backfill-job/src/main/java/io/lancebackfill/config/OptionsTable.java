package io.lancebackfill.config;

/** The options as a table for the README. */
public final class OptionsTable {
  private OptionsTable() {}

  /** A Markdown table with a line for each option, ending in a line break. */
  public static String markdown() {
    StringBuilder table =
        new StringBuilder("| option | session setting | default | values | what it does |\n");
    table.append("|---|---|---|---|---|\n");
    for (ConfigOption<?> option : BackfillOptions.all()) {
      table
          .append("| ")
          .append(option.sessionOnly() ? "(session only)" : "`" + option.name() + "`")
          .append(" | `")
          .append(option.sessionKey())
          .append("` | ")
          .append(
              option
                  .defaultValue()
                  .map(v -> "`" + option.defaultText() + "`")
                  .orElse(option.defaultText()))
          .append(" | ")
          .append(option.values())
          .append(" | ")
          .append(option.doc())
          .append(" |\n");
    }
    return table.toString();
  }
}
