package io.lancebackfill.error;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.apache.spark.SparkException;
import org.apache.spark.api.python.PythonException;
import org.junit.jupiter.api.Test;

/** What is told of failures. The tracebacks are as Python 3.10 to 3.13 print them. */
class TestRootCause {
  private static final String FRAMES =
      """
      Traceback (most recent call last):
        File "/env/lib/python3.11/site-packages/pyspark/python/lib/pyspark.zip/pyspark/worker.py", line 1247, in main
          process()
        File "/home/me/embed.py", line 12, in embed
          return model.run(text)
                 ^^^^^^^^^^^^^^^
        File "/env/lib/python3.11/site-packages/onnx/model.py", line 3, in run
          raise ValueError(text)
      """;

  @Test
  void typeAndMessageComeBeforeTheInnermostFrameOfTheUser() {
    assertThat(python(FRAMES + "ValueError: cannot embed www\n"))
        .isEqualTo(
            """
            ValueError: cannot embed www
              raised at /home/me/embed.py, line 12, in embed""");
  }

  @Test
  void anExceptionWithoutMessageAndOneOfManyLines() {
    assertThat(python(FRAMES + "ValueError\n")).startsWith("ValueError\n  raised at");
    assertThat(python(FRAMES + "my.EmbedError: first\n\n  second, indented\n"))
        .startsWith("my.EmbedError: first\n\n  second, indented\n  raised at /home/me/embed.py");
    String quoted =
        "Traceback (most recent call last):\n  File \"other.py\", line 1, in f\nKeyError";
    assertThat(python(FRAMES + "RemoteError: it said\n" + quoted + "\n"))
        .startsWith("RemoteError: it said\nTraceback")
        .endsWith("raised at /home/me/embed.py, line 12, in embed");
    assertThat(python(FRAMES + "ValueError: " + "x".repeat(5000))).hasSizeLessThan(1200);
    assertThat(python(FRAMES + "ValueError: " + "line\n".repeat(500)).lines()).hasSizeLessThan(20);
  }

  @Test
  void ofAChainTheLastExceptionComesFirst() {
    String first = FRAMES + "KeyError: 'www'\n";
    String second = FRAMES.replace("line 12", "line 14") + "ValueError: cannot embed\n";
    String direct = "\nThe above exception was the direct cause of the following exception:\n\n";
    assertThat(python(first + direct + second))
        .isEqualTo(
            """
            ValueError: cannot embed
              caused by KeyError: 'www'
              raised at /home/me/embed.py, line 14, in embed""");
    String handling = "\nDuring handling of the above exception, another exception occurred:\n\n";
    assertThat(python(first + handling + second)).contains("  while handling KeyError: 'www'\n");
  }

  @Test
  void framesOfSyntaxErrorsNotebooksAndLibraries() {
    String syntax =
        """
        Traceback (most recent call last):
          File "/home/me/job.py", line 3, in load
            import broken
          File "/home/me/broken.py", line 1
            def f(:
                  ^
        SyntaxError: invalid syntax
        """;
    assertThat(python(syntax))
        .isEqualTo("SyntaxError: invalid syntax\n  raised at /home/me/broken.py, line 1");
    assertThat(python(FRAMES.replace("/home/me/embed.py", "<stdin>") + "ValueError"))
        .contains("raised at <stdin>, line 12, in embed");
    assertThat(python(FRAMES.replace("/home/me/", "/env/lib/python3.11/json/") + "ValueError"))
        .contains("raised at /env/lib/python3.11/site-packages/onnx/model.py, line 3, in run");
    assertThat(python(FRAMES.lines().limit(3).reduce("", (a, b) -> a + b + "\n") + "EOFError"))
        .isEqualTo("EOFError");
    assertThat(python("no traceback at all")).isEqualTo("no traceback at all");
  }

  @Test
  void anExceptionGroupIsToldByItself() {
    String group =
        """
          + Exception Group Traceback (most recent call last):
          |   File "/home/me/embed.py", line 5, in embed
          |     raise ExceptionGroup("two", errors)
          | ExceptionGroup: two (2 sub-exceptions)
          +-+---------------- 1 ----------------
            | ValueError: 1
            +---------------- 2 ----------------
            | ValueError: 2
            +------------------------------------
        """;
    assertThat(python(group))
        .isEqualTo(
            "ExceptionGroup: two (2 sub-exceptions)\n  raised at /home/me/embed.py, line 5, in embed");
  }

  @Test
  void pythonIsFoundBehindWhatSparkMadeOfIt() {
    Throwable socket = new IOException("Broken pipe");
    Throwable failure = new PythonException(FRAMES + "ValueError: no", socket);
    assertThat(RootCause.of(new SparkException("Job aborted", failure)))
        .startsWith("ValueError: no\n");
  }

  @Test
  void ofJavaTheExceptionOfTheUserComesBeforeItsCause() {
    Throwable thrown = new IllegalStateException("cannot embed", new IOException("disk full"));
    assertThat(RootCause.of(new SparkException("[FAILED_EXECUTE_UDF] Failed", thrown)))
        .isEqualTo(
            """
            java.lang.IllegalStateException: cannot embed
              caused by java.io.IOException: disk full""");
    thrown.setStackTrace(
        new StackTraceElement[] {
          new StackTraceElement("java.util.Objects", "check", "Objects.java", 1),
          new StackTraceElement("com.acme.Embed", "call", "Embed.java", 7)
        });
    assertThat(RootCause.ofFunction(thrown))
        .endsWith("raised at com.acme.Embed.call (Embed.java:7)");
    assertThat(RootCause.of(thrown)).doesNotContain("raised at");
  }

  @Test
  void aTraceKeepsItsBeginningAndItsEnd() {
    String text =
        RemoteTrace.text(
            new IllegalStateException("first " + "x".repeat(50_000), new IOException("last")));
    assertThat(text)
        .hasSizeLessThan(17_000)
        .contains("IllegalStateException: first x")
        .contains("characters left out")
        .contains("Caused by: java.io.IOException: last");
  }

  private static String python(String traceback) {
    return RootCause.of(new PythonException(traceback, null));
  }
}
