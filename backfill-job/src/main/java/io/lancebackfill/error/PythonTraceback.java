package io.lancebackfill.error;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What matters of a Python traceback.
 *
 * @param exception type and message of the exception that left the function, all lines of it
 * @param reason how the exception before it in the chain led to it, such as {@code caused by
 *     KeyError: 'x'}; null if there was none
 * @param frame the innermost frame of the user's own code, such as {@code /home/me/embed.py, line
 *     12, in embed}; null if only libraries took part
 */
record PythonTraceback(String exception, @Nullable String reason, @Nullable String frame) {
  private static final String DIRECT =
      "The above exception was the direct cause of the following exception:";
  private static final String HANDLING =
      "During handling of the above exception, another exception occurred:";
  private static final Pattern HEADER =
      Pattern.compile("(Exception Group )?Traceback \\(most recent call last\\):");
  private static final Pattern FRAME =
      Pattern.compile(" {2}File \"(.+)\", line (\\d+)(?:, in (.+))?");
  private static final Pattern GROUP = Pattern.compile(" {2}[+|] (.*)");
  private static final Pattern LIBRARY =
      Pattern.compile(
          "/(site|dist)-packages/|/lib(64)?/python\\d|/pyspark(\\.zip)?/|/py4j|^<frozen |^<__array");
  private static final Pattern SPARK = Pattern.compile("/pyspark(\\.zip)?/|^<frozen |^<__array");

  static PythonTraceback parse(String text) {
    List<String> lines = withoutGroupBars(text.lines().toList());
    int start = 0;
    int before = -1;
    for (int i = 4; i < lines.size(); i++) {
      String link = lines.get(i - 2);
      if (HEADER.matcher(lines.get(i)).matches()
          && (link.equals(DIRECT) || link.equals(HANDLING))) {
        before = start;
        start = i;
      }
    }
    String reason = null;
    if (before >= 0) {
      String word = lines.get(start - 2).equals(DIRECT) ? "caused by " : "while handling ";
      reason = word + exception(lines.subList(before, start - 3));
    }
    List<String> last = lines.subList(start, lines.size());
    return new PythonTraceback(exception(last), reason, frame(last));
  }

  /** The lines of an exception group itself, without its bars and its members. */
  private static List<String> withoutGroupBars(List<String> lines) {
    if (lines.isEmpty() || !lines.get(0).startsWith("  + Exception Group")) {
      return lines;
    }
    return lines.stream()
        .takeWhile(line -> !line.startsWith("  +-+"))
        .map(GROUP::matcher)
        .filter(Matcher::matches)
        .map(line -> line.group(1))
        .toList();
  }

  /** All that follows the frames, which are indented. */
  private static String exception(List<String> section) {
    int from = 0;
    if (!section.isEmpty() && HEADER.matcher(section.get(0)).matches()) {
      from = 1;
      while (from < section.size() && section.get(from).startsWith("  ")) {
        from++;
      }
    }
    return String.join("\n", section.subList(from, section.size())).strip();
  }

  private static @Nullable String frame(List<String> section) {
    List<Matcher> frames = new ArrayList<>();
    for (String line : section.subList(Math.min(1, section.size()), section.size())) {
      if (!line.startsWith("  ")) {
        break;
      }
      Matcher frame = FRAME.matcher(line);
      if (frame.matches()) {
        frames.add(frame);
      }
    }
    Matcher own = innermostOutside(LIBRARY, frames);
    Matcher best = own == null ? innermostOutside(SPARK, frames) : own;
    if (best == null) {
      return null;
    }
    String function = best.group(3) == null ? "" : ", in " + best.group(3);
    return best.group(1) + ", line " + best.group(2) + function;
  }

  private static @Nullable Matcher innermostOutside(Pattern files, List<Matcher> frames) {
    for (int i = frames.size() - 1; i >= 0; i--) {
      if (!files.matcher(frames.get(i).group(1)).find()) {
        return frames.get(i);
      }
    }
    return null;
  }
}
