package io.lancebackfill;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Stands between a driver and the S3 emulator. It can single out one request, the nth PUT of a
 * manifest in a folder, or have each request {@linkplain #judge judged}. All others pass as they
 * are, one connection each.
 */
final class S3Proxy implements AutoCloseable {
  /** What becomes of the request that is singled out. */
  enum Fate {
    /** The store never sees it, and it is never answered. */
    LOST,
    /** The store does it, and it is never answered. */
    DONE_UNANSWERED,
    /** The store does it, and the connection ends without an answer. */
    DONE_CUT_OFF
  }

  /** What a judged request gets. */
  enum Answer {
    /** The store's. */
    PASS,
    /** 503, and the store never sees it. */
    UNAVAILABLE,
    /** 403, and the store never sees it. */
    DENIED,
    /** None for longer than any client waits, though the store does it. */
    SILENCE,
    /** A reset connection, though the store does it. */
    RESET
  }

  private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final int storePort;
  private @Nullable Trap trap;
  private volatile Function<String, Answer> judge = call -> Answer.PASS;

  private static final class Trap {
    private final String pathPart;
    private final Fate fate;
    private final CountDownLatch sprung = new CountDownLatch(1);
    private int left;

    Trap(String pathPart, int nth, Fate fate) {
      this.pathPart = pathPart;
      this.left = nth;
      this.fate = fate;
    }
  }

  S3Proxy(int storePort) throws IOException {
    this.storePort = storePort;
    threads.execute(this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  /**
   * From now on, asks about each request.
   *
   * @param next is given the method and the decoded path, and of a bulk deletion its body too; may
   *     be asked by several threads
   */
  void judge(Function<String, Answer> next) {
    judge = next;
  }

  /** From now on, waits for the nth PUT of a manifest below the folder. */
  synchronized void arm(String folder, int nth, Fate fate) {
    trap = new Trap(folder + "/_versions/", nth, fate);
  }

  /** Waits until the request has come and met its fate. */
  void awaitSprung() throws InterruptedException {
    Trap armed;
    synchronized (this) {
      armed = trap;
    }
    if (armed == null || !armed.sprung.await(2, TimeUnit.MINUTES)) {
      throw new AssertionError("the request did not come");
    }
  }

  private synchronized @Nullable Trap caught(String requestLine) {
    boolean meant =
        trap != null
            && requestLine.startsWith("PUT ")
            && requestLine.contains(trap.pathPart)
            && requestLine.contains(".manifest");
    return meant && --trap.left == 0 ? trap : null;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        threads.execute(() -> serve(client));
      } catch (IOException e) {
        if (!listener.isClosed()) {
          throw new IllegalStateException(e);
        }
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      InputStream in = new BufferedInputStream(client.getInputStream());
      String head = head(in);
      if (head.isEmpty()) {
        return; // a connection that was opened in advance
      }
      byte[] body = in.readNBytes(contentLength(head));
      Answer answered = judge.apply(call(head, body));
      if (answered != Answer.PASS) {
        fail(client, answered, head, body);
        return;
      }
      Trap caught = caught(head.substring(0, head.indexOf('\r')));
      byte[] answer = caught != null && caught.fate == Fate.LOST ? new byte[0] : ask(head, body);
      if (caught == null) {
        client.getOutputStream().write(answer);
        client.getOutputStream().flush();
        return;
      }
      caught.sprung.countDown();
      if (caught.fate != Fate.DONE_CUT_OFF) {
        closed.await();
      }
    } catch (IOException e) {
      // The driver has gone, by design of the tests: its request needs no answer any more.
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String call(String head, byte[] body) {
    String line = head.substring(0, head.indexOf('\r'));
    String call =
        URLDecoder.decode(line.substring(0, line.lastIndexOf(' ')), StandardCharsets.UTF_8);
    return call.startsWith("POST ") && call.contains("?delete")
        ? call.replaceFirst("POST", "DELETE") + " " + new String(body, StandardCharsets.UTF_8)
        : call;
  }

  private void fail(Socket client, Answer answer, String head, byte[] body)
      throws IOException, InterruptedException {
    switch (answer) {
      case UNAVAILABLE -> refuse(client, "503 Service Unavailable", "SlowDown");
      case DENIED -> refuse(client, "403 Forbidden", "AccessDenied");
      case SILENCE -> {
        ask(head, body);
        if (closed.await(30, TimeUnit.SECONDS)) {
          return;
        }
      }
      case RESET -> {
        ask(head, body);
        client.setSoLinger(true, 0);
      }
      case PASS -> throw new IllegalArgumentException("nothing to fail");
    }
  }

  private static void refuse(Socket client, String status, String code) throws IOException {
    String body = "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code></Error>";
    String answer =
        "HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            .formatted(status, body.length(), body);
    client.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
    client.getOutputStream().flush();
  }

  /** The store's answer, with a head that ends the connection after it. */
  private byte[] ask(String head, byte[] body) throws IOException {
    try (Socket store = new Socket(InetAddress.getLoopbackAddress(), storePort)) {
      OutputStream out = store.getOutputStream();
      out.write(closing(head));
      out.write(body);
      out.flush();
      InputStream in = new BufferedInputStream(store.getInputStream());
      ByteArrayOutputStream answer = new ByteArrayOutputStream();
      answer.write(closing(head(in)));
      in.transferTo(answer);
      return answer.toByteArray();
    }
  }

  private static byte[] closing(String head) {
    String without = head.replaceAll("(?im)^connection:.*\r\n", "");
    int end = without.length() - 2;
    return (without.substring(0, end) + "Connection: close\r\n\r\n")
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  /** The lines before the body, with the empty one; nothing at the end of a connection. */
  private static String head(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n", Math.max(0, head.length() - 4)) < 0) {
      int next = in.read();
      if (next < 0) {
        return "";
      }
      head.append((char) next);
    }
    return head.toString();
  }

  private static int contentLength(String head) {
    return head.lines()
        .filter(line -> line.toLowerCase(Locale.ROOT).startsWith("content-length:"))
        .findFirst()
        .map(line -> Integer.parseInt(line.substring(line.indexOf(':') + 1).strip()))
        .orElse(0);
  }

  @Override
  public void close() throws IOException {
    closed.countDown();
    listener.close();
    threads.shutdownNow();
  }
}
