package io.lancebackfill.datasource.table;

import io.lancebackfill.datasource.table.DatasetException.Kind;
import java.util.regex.Pattern;

/**
 * Tells Lance's errors apart by their text, since its Java API throws plain exceptions. The only
 * class that reads such text; a test provokes each for real, so a new Lance version that words them
 * differently fails there and not in production.
 *
 * <p>Native methods throw checked exceptions (IOException) that their signatures do not declare:
 * catch Exception around them, never RuntimeException alone.
 */
public final class LanceErrorClassifier {
  /** Where in Lance's source an error arose: of no use to a user. */
  private static final Pattern SOURCE_PLACES =
      Pattern.compile("(?:[,:] /(?:workspace|rustc)/\\S+\\.rs:\\d+:\\d+)+");

  private static final Pattern PERMISSION =
      Pattern.compile(
          "\\b40[13] (?:Forbidden|Unauthorized)|Permission denied|lacked the necessary privileges",
          Pattern.CASE_INSENSITIVE);

  private static final Pattern DAMAGED =
      Pattern.compile(
          "Invalid range \\S+ for object of size|file size is too small|magic"
              + "|Object at location \\S+ not found|decode Protobuf|Corrupt|unexpected end of file",
          Pattern.CASE_INSENSITIVE);

  private LanceErrorClassifier() {}

  /**
   * Makes one exception of whatever an operation on a table threw. An exception that is classified
   * already comes back as it is.
   *
   * @param doing what was being done, to be read after "Cannot", such as {@code "open"}
   */
  public static DatasetException classify(String doing, DatasetRef ref, Throwable error) {
    if (error instanceof DatasetException known) {
      return known;
    }
    String text = text(error);
    Kind kind = kind(text, error);
    String message =
        "Cannot " + doing + " " + ref.uri() + ": " + readable(text) + ". " + remedy(kind, text);
    return new DatasetException(kind, message.strip(), error);
  }

  /** True if the error says that a tag of this name is there already. */
  static boolean tagExists(Throwable error) {
    return text(error).contains("Ref conflict error");
  }

  /** True if the error says that there is no tag of this name. */
  static boolean tagMissing(Throwable error) {
    return text(error).contains("Ref not found error");
  }

  private static Kind kind(String text, Throwable error) {
    // Before conflicts: Lance calls this one "Commit conflict for version" as well.
    if (text.contains("Failed to commit the transaction after")) {
      return Kind.COMMIT_CONTENTION;
    }
    if (text.contains("Retryable commit conflict")
        || text.contains("Incompatible transaction")
        || text.contains("Commit conflict for version")
        || text.contains("Ref conflict error")) {
      return Kind.COMMIT_CONFLICT;
    }
    // Before "not found": some stores answer a missing object with a refusal.
    if (PERMISSION.matcher(text).find()) {
      return Kind.PERMISSION_DENIED;
    }
    if (notATable(text)
        || text.contains("Version not found error")
        || text.contains("Ref not found error")
        || text.matches("(?s)Fragment \\d+ not found.*")) {
      return Kind.NOT_FOUND;
    }
    if (DAMAGED.matcher(text).find()) {
      return Kind.CORRUPT;
    }
    if (text.contains("Invalid user input")
        || text.contains("LanceError(Schema)")
        || error instanceof IllegalArgumentException) {
      return Kind.INVALID_INPUT;
    }
    return Kind.OTHER;
  }

  private static boolean notATable(String text) {
    return (text.contains("Dataset at path") && text.contains("was not found"))
        || (text.contains("_versions") && text.contains("Not a directory"));
  }

  private static String remedy(Kind kind, String text) {
    switch (kind) {
      case NOT_FOUND:
        return notATable(text)
            ? "This is not a Lance table, or the version is gone; check the address."
            : "";
      case COMMIT_CONFLICT:
        return "Another writer was first; read the table again and repeat.";
      case COMMIT_CONTENTION:
        return "Many writers commit at the same time; try again.";
      case PERMISSION_DENIED:
        return "Check the credentials and the rights on that address.";
      case CORRUPT:
        return "A file of this version is damaged, cut off or was deleted; restore it, or use"
            + " another version of the table.";
      default:
        return "";
    }
  }

  private static String text(Throwable error) {
    StringBuilder all = new StringBuilder();
    for (Throwable t = error; t != null; t = t.getCause()) {
      if (t.getMessage() != null && all.indexOf(t.getMessage()) < 0) {
        all.append(all.length() == 0 ? "" : "; ").append(t.getMessage());
      }
    }
    return all.length() == 0 ? error.getClass().getName() : all.toString();
  }

  private static String readable(String text) {
    String plain = SOURCE_PLACES.matcher(text).replaceAll("").strip();
    return plain.endsWith(".") ? plain.substring(0, plain.length() - 1) : plain;
  }
}
