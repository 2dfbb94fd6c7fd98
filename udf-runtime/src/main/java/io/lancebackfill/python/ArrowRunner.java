package io.lancebackfill.python;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.api.python.BasePythonRunner;
import org.apache.spark.api.python.ChainedPythonFunctions;
import org.apache.spark.api.python.SimplePythonFunction;
import org.apache.spark.sql.execution.python.PythonUDFRunner;
import org.jspecify.annotations.Nullable;
import scala.Option;
import scala.collection.Iterator;
import scala.collection.JavaConverters;

/**
 * Spark's own way to run Python workers, with Arrow vectors as they are on both sides: Spark's
 * runners make rows of them, and refuse fixed-size lists.
 */
final class ArrowRunner extends BasePythonRunner<ArrowRunner.Input, VectorSchemaRoot> {
  /** SQL_MAP_ARROW_ITER_UDF: batches in, batches out. */
  private static final int MAP_ARROW = 207;

  /** Spark logs an error if the socket is closed while the writer sees to it. */
  private static final long WRITER_ENDS_MS = 200;

  private static final int END_OF_DATA_SECTION = -1;
  private static final int PYTHON_EXCEPTION_THROWN = -2;
  private static final int TIMING_DATA = -3;
  private static final int START_ARROW_STREAM = -6;

  private final List<String> names;
  private final BufferAllocator allocator;
  private @Nullable Socket socket;
  private @Nullable Thread writing;
  private @Nullable Reader reading;

  /** Vectors of {@code rows} values each, which their owner keeps until they are answered. */
  record Input(List<FieldVector> vectors, int rows) {}

  /**
   * @param names under which the worker gets the vectors
   */
  ArrowRunner(SimplePythonFunction function, List<String> names, BufferAllocator allocator) {
    super(
        JavaConverters.asScalaBuffer(
                List.of(
                    new ChainedPythonFunctions(JavaConverters.asScalaBuffer(List.of(function)))))
            .toSeq(),
        MAP_ARROW,
        new int[][] {{0}},
        Option.empty());
    this.names = names;
    this.allocator = allocator;
  }

  /**
   * Breaks the connection: a worker that is at work ends with it. No thread reads inputs any more.
   */
  void abort() {
    try {
      if (writing != null) {
        // It was told to end. Where the worker is dead, it finds out by itself.
        writing.join(WRITER_ENDS_MS);
      }
      if (socket != null) {
        socket.close();
      }
      if (writing != null) {
        writing.join();
      }
      if (reading != null) {
        reading.closeBatches();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public WriterThread newWriterThread(
      SparkEnv env, Socket worker, Iterator<Input> inputs, int partition, TaskContext context) {
    try {
      // Else what is small waits up to 40 ms, until what went before is acknowledged.
      worker.setTcpNoDelay(true);
    } catch (SocketException e) {
      throw new UncheckedIOException(e);
    }
    Writer writer = new Writer(env, worker, inputs, partition, context);
    socket = worker;
    writing = writer;
    return writer;
  }

  @Override
  public Iterator<VectorSchemaRoot> newReaderIterator(
      DataInputStream stream,
      WriterThread writer,
      long started,
      SparkEnv env,
      Socket worker,
      Option<Object> pid,
      AtomicBoolean releasedOrClosed,
      TaskContext context) {
    Reader reader =
        new Reader(stream, writer, started, env, worker, pid, releasedOrClosed, context);
    reading = reader;
    return reader;
  }

  private final class Writer extends WriterThread {
    private final Iterator<Input> inputs;

    Writer(
        SparkEnv env, Socket worker, Iterator<Input> inputs, int partition, TaskContext context) {
      super(env, worker, inputs, partition, context);
      this.inputs = inputs;
    }

    @Override
    public void writeCommand(DataOutputStream out) {
      try {
        out.writeInt(0); // settings of Spark's own functions: none
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      PythonUDFRunner.writeUDFs(out, funcs(), argOffsets());
    }

    /** The stream begins with the first batch, whose schema it has; Spark closes it. */
    @Override
    public void writeIteratorToStream(DataOutputStream out) {
      try {
        StructStream stream = null;
        while (inputs.hasNext()) {
          Input input = inputs.next();
          if (stream == null) {
            stream = new StructStream(out, allocator, named(input.vectors()));
          }
          stream.write(input.vectors(), input.rows());
          out.flush();
        }
        if (stream == null) {
          stream = new StructStream(out, allocator, List.of());
        }
        stream.end();
        out.flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private List<Field> named(List<FieldVector> vectors) {
    List<Field> fields = new ArrayList<>();
    for (FieldVector vector : vectors) {
      Field field = vector.getField();
      fields.add(new Field(names.get(fields.size()), field.getFieldType(), field.getChildren()));
    }
    return fields;
  }

  private final class Reader extends ReaderIterator {
    private final DataInputStream stream;
    private final WriterThread writer;
    private @Nullable ArrowStreamReader batches;

    Reader(
        DataInputStream stream,
        WriterThread writer,
        long started,
        SparkEnv env,
        Socket worker,
        Option<Object> pid,
        AtomicBoolean releasedOrClosed,
        TaskContext context) {
      super(stream, writer, started, env, worker, pid, releasedOrClosed, context);
      this.stream = stream;
      this.writer = writer;
    }

    @Override
    public @Nullable VectorSchemaRoot read() {
      if (writer.exception().isDefined()) {
        throw ArrowRunner.<RuntimeException>sneak(writer.exception().get());
      }
      try {
        return nextBatch();
      } catch (Throwable e) { // as Spark's own readers do: it says what is told from what
        closeBatches();
        if (handleException().isDefinedAt(e)) {
          return handleException().apply(e);
        }
        throw ArrowRunner.<RuntimeException>sneak(e);
      }
    }

    private @Nullable VectorSchemaRoot nextBatch() throws IOException {
      while (true) {
        ArrowStreamReader open = batches;
        if (open != null) {
          if (open.loadNextBatch()) {
            return open.getVectorSchemaRoot();
          }
          closeBatches();
        }
        int what = stream.readInt();
        switch (what) {
          case START_ARROW_STREAM -> batches = new ArrowStreamReader(stream, allocator);
          case TIMING_DATA -> handleTimingData();
          case PYTHON_EXCEPTION_THROWN -> throw handlePythonException();
          case END_OF_DATA_SECTION -> {
            handleEndOfDataSection();
            return null;
          }
          default -> throw new IOException("A Python worker sent %d.".formatted(what));
        }
      }
    }

    private void closeBatches() {
      ArrowStreamReader open = batches;
      batches = null;
      if (open != null) {
        try {
          open.close(false); // the stream is Spark's
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  /** Scala declares no exceptions, and so checked ones pass here as they do there. */
  @SuppressWarnings("unchecked")
  private static <E extends Throwable> RuntimeException sneak(Throwable e) throws E {
    throw (E) e;
  }
}
