package io.lancebackfill.cluster.files;

/** The image of drivers and executors. */
final class DockerfileText {
  private DockerfileText() {}

  static String of() {
    return """
        # An image with everything that a backfill needs. Build it where backfill-job/target/dist is:
        #   docker build -t IMAGE -f Dockerfile backfill-job/target/dist
        # For GPU groups begin from an image that has Spark 3.5 and the CUDA libraries of your functions:
        #   --build-arg SPARK_IMAGE=...
        ARG SPARK_IMAGE=apache/spark:3.5.5-scala2.12-java17-python3-ubuntu
        FROM ${SPARK_IMAGE}
        USER root
        # Beside Spark's own jars: native libraries are then loaded once in each process.
        COPY *.jar /opt/spark/jars/
        RUN mv /opt/spark/jars/lance-backfill-job-*-bundle.jar /opt/spark/jars/lance-backfill.jar
        COPY *.whl /tmp/
        # The wheel asks for pyspark, which the image has already.
        RUN python3 -m pip install --no-cache-dir pyarrow numpy pandas \\
         && python3 -m pip install --no-cache-dir --no-deps /tmp/*.whl \\
         && rm /tmp/*.whl
        ENV PYTHONPATH=/opt/spark/python:/opt/spark/python/lib/py4j-0.10.9.7-src.zip
        USER 185
        """;
  }
}
