package io.lancebackfill.datasource.table;

import io.lancebackfill.datasource.table.DatasetException.Kind;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.util.List;
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

  /** Paths and addresses, which hold names of the user's own. */
  private static final Pattern ADDRESS =
      Pattern.compile("\\S*(?:/|\\\\|%2F)\\S*", Pattern.CASE_INSENSITIVE);

  /** Whatever the words behind them say, the caller's request is at fault. */
  private static final Pattern INVALID =
      Pattern.compile("^(?:Invalid user input|LanceError\\(Schema\\))");

  private static final Pattern PERMISSION =
      Pattern.compile(
          "\\b40[13] (?:Forbidden|Unauthorized)|Permission denied|Operation not permitted"
              + "|Read-only file system|lacked the necessary privileges|\\(os error (?:1|13|30)\\)",
          Pattern.CASE_INSENSITIVE);

  /** By name where Java says it, by number where Rust does. */
  private static final Pattern UNAVAILABLE =
      Pattern.compile(
          "status code: (?:5\\d\\d|429|408)\\b|error sending request|\\btimed out\\b|request timeout"
              + "|connection (?:reset|refused|closed|aborted)|broken pipe|dns error|SlowDown"
              + "|error decoding response body|end of file before message length reached"
              + "|No space left on device|Disk quota exceeded|Too many open files"
              + "|Input/output error|Stale file handle|temporarily unavailable"
              + "|\\(os error (?:4|5|11|12|16|23|24|27|28|104|110|111|112|113|116|121|122)\\)",
          Pattern.CASE_INSENSITIVE);

  private static final Pattern DAMAGED =
      Pattern.compile(
          "Invalid range \\S+ for object of size|file size is (?:too small|smaller than)"
              + "|\\(invalid magic|magic number does not match|Unknown Lance storage version"
              + "|does not have sufficient data|Object at location \\S+ not found|decode Protobuf|Encountered corrupt file"
              + "|unexpected end of file",
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
    Kind kind = kind(withoutNames(text, ref), error);
    String message =
        "Cannot "
            + doing
            + " "
            + ref.display()
            + ": "
            + Credentials.without(ref, readable(text))
            + ". "
            + remedy(kind, text);
    return new DatasetException(kind, ref, message.strip(), Credentials.without(ref, error));
  }

  /** Lance's own words: a table may be called {@code corrupt}, and a column {@code timed out}. */
  private static String withoutNames(String text, DatasetRef ref) {
    String path = ref.uri().replaceFirst("^[A-Za-z][A-Za-z0-9+.-]+://?[^/]*", "");
    String own = SOURCE_PLACES.matcher(text).replaceAll("").replace(ref.uri(), "/");
    for (String name : List.of(path, path.replaceFirst("^/+", ""))) {
      own = name.isBlank() ? own : own.replace(name, "/");
    }
    return ADDRESS.matcher(own).replaceAll("/");
  }

  /**
   * True if the error says that Lance's Java cannot tell a schema, or a transaction that carries
   * one, since a column of it is a dictionary.
   */
  public static boolean dictionaryInSchema(Throwable error) {
    return error instanceof IllegalArgumentException
        && text(error).contains("ArrowSchema conversion error");
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
    if (interrupted(error)) {
      return Kind.INTERRUPTED;
    }
    if (INVALID.matcher(text).find()) {
      return Kind.INVALID_INPUT;
    }
    // Before conflicts: Lance calls this one "Commit conflict for version" as well.
    if (text.contains("Failed to commit the transaction after")
        || text.contains("Too many concurrent writers")) {
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
    if (UNAVAILABLE.matcher(text).find()) {
      return Kind.UNAVAILABLE;
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

  private static boolean interrupted(Throwable error) {
    for (Throwable t = error; t != null; t = t.getCause()) {
      if (t instanceof InterruptedException || t instanceof ClosedByInterruptException) {
        return true;
      }
    }
    return false;
  }

  private static boolean notATable(String text) {
    return (text.contains("Dataset at path") && text.contains("was not found"))
        || text.contains("Not a directory");
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
      case UNAVAILABLE:
        return "The store failed for the moment; try again when it answers and has room.";
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
      // Java's file errors say no more than the path in their messages.
      if (t instanceof AccessDeniedException) {
        all.append(all.length() == 0 ? "" : "; ").append("Permission denied");
      }
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
