package io.lancebackfill.config;

import io.lancebackfill.exec.ErrorPolicy;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * What the option {@code on_error} says.
 *
 * @param nulls whether a row that fails is NULL in the end; else it fails the job
 * @param retries how often it is tried again before
 */
public record OnError(boolean nulls, int retries, Duration backoff) {
  private static final Pattern TEXT =
      Pattern.compile(
          "(?:(fail|null)|retry\\(\\s*(\\d{1,4})\\s*(?:,\\s*'?([^,')]+)'?\\s*)?\\)(?:\\s*,\\s*(fail|null))?)",
          Pattern.CASE_INSENSITIVE);

  /** Empty if the text says nothing of that sort. */
  static Optional<OnError> parse(String text) {
    Matcher matcher = TEXT.matcher(text.strip());
    if (!matcher.matches()) {
      return Optional.empty();
    }
    String end = matcher.group(1) == null ? matcher.group(4) : matcher.group(1);
    boolean nulls = "null".equalsIgnoreCase(end);
    if (matcher.group(2) == null) {
      return Optional.of(new OnError(nulls, 0, Duration.ZERO));
    }
    int retries = Integer.parseInt(matcher.group(2));
    return matcher.group(3) == null
        ? Optional.of(new OnError(nulls, retries, Duration.ZERO))
        : Durations.parse(matcher.group(3)).map(wait -> new OnError(nulls, retries, wait));
  }

  static boolean isPattern(String text) {
    try {
      Pattern.compile(text);
      return true;
    } catch (PatternSyntaxException e) {
      return false;
    }
  }

  /** What a job's options say of rows that fail. */
  public static ErrorPolicy policy(BackfillConf conf) {
    OnError onError = parse(conf.value(BackfillOptions.ON_ERROR)).orElseThrow();
    return new ErrorPolicy(
        onError.nulls,
        onError.retries,
        onError.backoff.toMillis(),
        conf.optional(BackfillOptions.RETRY_ON).orElse(""),
        conf.optional(BackfillOptions.ROW_TIMEOUT).map(Duration::toMillis).orElse(0L),
        conf.optional(BackfillOptions.MAX_FAILED_ROWS).orElse(Long.MAX_VALUE),
        conf.optional(BackfillOptions.MAX_FAILED_FRACTION).orElse(1.0));
  }
}
