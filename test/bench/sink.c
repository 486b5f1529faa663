/*
 * A server that is never the bottleneck: takes uploads as COS (or S3) and the VOD API do, counts the bytes,
 * checksums them if told to, and throws them away. One thread a connection; TLS where OpenSSL is at hand.
 * Each line on stdin is answered by a line of counts on stdout; it ends with its stdin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

#include "cloud.h"
#include "crc64.h"

#define BUFFER_SIZE (256 * 1024)
#define HEAD_SIZE (32 * 1024)
#define WINDOW_NS 100000000ll
#define WINDOWS 36000
#define SEGMENT 1448
#define FIRST_CWND 10
#define RETRANSMISSION_NS 250000000ll
#define TIMEOUTS_A_LOSS 0.06

static struct {
  bool crc64;
  long delay_ms;
  long connection_rate, total_rate; /* bytes a second; 0: as fast as they come */
  double refused;                   /* fraction of objects and parts that get 503 */
  double loss;                      /* fraction of segments that a sender of TCP has to repeat */
  const char *certificate, *key;
} options;

static atomic_llong received, accepted, refused;
static atomic_llong windows[WINDOWS]; /* bytes received in each tenth of a second */
static long long started_at;

static bool is_slow_line(void) { return options.connection_rate || options.total_rate || options.loss; }

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void sleep_until(long long at) {
  struct timespec when = {at / 1000000000ll, at % 1000000000ll};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) {
  }
}

/* When `size` more bytes are through at `rate`, if the line was free at `*free_at`. */
static long long line_time(long long *free_at, long long size, long rate) {
  long long now = now_ns();
  if (*free_at < now) *free_at = now;
  *free_at += size * 1000000000ll / rate;
  return *free_at;
}

typedef struct {
  int fd;
  void *tls;
  unsigned seed;
  long long free_at;
  double cwnd; /* segments in flight; 0: nothing was sent */
  bool has_lost;
  size_t held; /* bytes of `head` that were read and not yet used */
  char head[HEAD_SIZE];
  unsigned char buffer[BUFFER_SIZE];
} connection;

static ssize_t receive(connection *c, void *into, size_t size) {
#ifdef WITH_TLS
  if (c->tls) return SSL_read(c->tls, into, (int)size);
#endif
  return recv(c->fd, into, size, 0);
}

static bool send_all(connection *c, const char *from, size_t size) {
#ifdef WITH_TLS
  if (c->tls) return SSL_write(c->tls, from, (int)size) > 0;
#endif
  while (size) {
    ssize_t sent = send(c->fd, from, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    from += sent;
    size -= sent;
  }
  return true;
}

static bool happens(connection *c, double probability) { return rand_r(&c->seed) < probability * RAND_MAX; }

/*
 * When `size` more bytes are through, sent by a TCP whose round trip is the delay and that loses segments: a window
 * a round trip, which doubles up to the first loss, then grows by one; a loss takes three tenths of it, and sometimes
 * a timeout.
 */
static long long lossy_time(connection *c, long long size) {
  double segments = (double)size / SEGMENT;
  if (!c->cwnd) c->cwnd = FIRST_CWND;
  long long now = now_ns(), round_trip = options.delay_ms * 1000000ll;
  if (c->free_at < now - round_trip) c->free_at = now;
  c->free_at += (long long)(segments / c->cwnd * round_trip);
  if (happens(c, segments * options.loss)) {
    c->has_lost = true;
    c->cwnd = c->cwnd < 3 ? 2 : c->cwnd * 0.7;
    if (happens(c, TIMEOUTS_A_LOSS)) c->free_at += RETRANSMISSION_NS;
  } else {
    c->cwnd += c->has_lost ? segments / c->cwnd : segments;
  }
  return c->free_at;
}

static void pace(connection *c, long long size) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static long long total_free_at;
  long long until = 0;
  if (options.total_rate) {
    pthread_mutex_lock(&lock);
    until = line_time(&total_free_at, size, options.total_rate);
    pthread_mutex_unlock(&lock);
  }
  if (options.connection_rate) {
    long long own = line_time(&c->free_at, size, options.connection_rate);
    if (own > until) until = own;
  }
  if (options.loss) {
    long long own = lossy_time(c, size);
    if (own > until) until = own;
  }
  if (until) sleep_until(until);
}

static void count(long long size) {
  long long window = (now_ns() - started_at) / WINDOW_NS;
  atomic_fetch_add(&received, size);
  if (window < WINDOWS) atomic_fetch_add(&windows[window], size);
}

/* Reads a body into nothing. */
static bool swallow(connection *c, request *r, bool checksum) {
  uint64_t left = r->size;
  bool paced = is_slow_line();
  size_t step = paced ? 16 * 1024 : BUFFER_SIZE;
  while (left) {
    ssize_t size = left < step ? left : step;
    if (c->held) {
      if ((size_t)size > c->held) size = c->held;
      memcpy(c->buffer, c->head, size);
      memmove(c->head, c->head + size, c->held -= size);
    } else if (checksum || c->tls) {
      size = receive(c, c->buffer, size);
    } else {
      /* Linux throws the bytes away without copying them. */
      size = recv(c->fd, NULL, left < 1 << 30 && !paced ? left : (uint64_t)size, MSG_TRUNC);
    }
    if (size <= 0) return false;
    if (checksum) r->crc64 = crc64_update(r->crc64, c->buffer, size);
    count(size);
    if (paced) pace(c, size);
    left -= size;
  }
  return true;
}

static bool keep_body(connection *c, request *r, char *body) {
  size_t have = c->held < r->size ? c->held : r->size;
  memcpy(body, c->head, have);
  memmove(c->head, c->head + have, c->held -= have);
  while (have < r->size) {
    ssize_t size = receive(c, body + have, r->size - have);
    if (size <= 0) return false;
    have += size;
  }
  body[have] = 0;
  r->body = body;
  return true;
}

static const char *header(const char *head, const char *name) {
  size_t length = strlen(name);
  for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
    if (!strncasecmp(line + 2, name, length) && line[2 + length] == ':')
      return line + 3 + length + strspn(line + 3 + length, " ");
  return "";
}

/* Reads one head; false when the connection has ended. */
static bool read_head(connection *c, request *r, bool *expects) {
  char *end;
  for (;;) {
    c->head[c->held] = 0;
    if ((end = strstr(c->head, "\r\n\r\n"))) break;
    if (c->held >= HEAD_SIZE - 1) return false;
    ssize_t size = receive(c, c->head + c->held, HEAD_SIZE - 1 - c->held);
    if (size <= 0) return false;
    c->held += size;
  }
  end[2] = 0;
  memset(r, 0, sizeof *r);
  char target[4096];
  if (sscanf(c->head, "%7s %4095s", r->method, target) != 2) return false;
  char *query = strchr(target, '?');
  if (query) *query++ = 0;
  snprintf(r->path, sizeof r->path, "%.2047s", target);
  snprintf(r->query, sizeof r->query, "%.2047s", query ? query : "");
  snprintf(r->action, sizeof r->action, "%.*s", (int)strcspn(header(c->head, "x-tc-action"), "\r\n"),
           header(c->head, "x-tc-action"));
  r->size = strtoull(header(c->head, "content-length"), NULL, 10);
  *expects = *header(c->head, "expect") != 0;
  size_t used = end + 4 - c->head;
  memmove(c->head, c->head + used, c->held -= used);
  return !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD") || !strcmp(r->method, "DELETE") ||
         !strcmp(r->method, "PUT") || !strcmp(r->method, "POST");
}

static bool send_reply(connection *c, const request *r, const reply *reply) {
  static atomic_ulong last;
  char head[1024];
  size_t size = reply->body ? strlen(reply->body) : 0;
  const char *type = r->action[0] ? "application/json" : "application/xml";
  int length = snprintf(head, sizeof head,
                        "HTTP/1.1 %d %s\r\nServer: tencent-cos\r\nx-cos-request-id: bench-%lu\r\n%s"
                        "Content-Type: %s\r\nContent-Length: %llu\r\n\r\n",
                        reply->status, reply->status < 300 ? "OK" : "Error", atomic_fetch_add(&last, 1), reply->headers,
                        type, (unsigned long long)(reply->content_length ? reply->content_length : size));
  if (options.delay_ms) sleep_until(now_ns() + options.delay_ms * 1000000ll);
  if (!send_all(c, head, length)) return false;
  return !size || !strcmp(r->method, "HEAD") || send_all(c, reply->body, size);
}

/* At once, as the service does; a client that waits for leave to send its body never sends it. */
static bool refuse(connection *c, request *r, bool expects) {
  reply reply = {.status = 503};
  reply.body = "<Error><Code>SlowDown</Code><Message>reduce your request rate</Message></Error>";
  atomic_fetch_add(&refused, 1);
  return send_reply(c, r, &reply) && !expects && swallow(c, r, false);
}

static bool serve_one(connection *c) {
  request r;
  bool expects;
  if (!read_head(c, &r, &expects)) return false;
  bool object = takes_object(&r);
  if (object && happens(c, options.refused)) return refuse(c, &r, expects);
  const char *go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  if (expects && !send_all(c, go_on, strlen(go_on))) return false;
  char *body = NULL;
  r.has_crc64 = object && options.crc64;
  bool read = object ? swallow(c, &r, options.crc64) : keep_body(c, &r, body = malloc(r.size + 1));
  reply reply = {.status = 200};
  if (read) cloud_answer(&r, &reply);
  bool sent = read && send_reply(c, &r, &reply);
  free(body);
  free(reply.body);
  return sent;
}

static void *serve(void *argument) {
  connection *c = argument;
#ifdef WITH_TLS
  if (!c->tls || SSL_accept(c->tls) == 1)
#endif
    while (serve_one(c)) {
    }
#ifdef WITH_TLS
  if (c->tls) SSL_free(c->tls);
#endif
  close(c->fd);
  free(c);
  return NULL;
}

#ifdef WITH_TLS
static SSL_CTX *tls_context(void) {
  if (!options.certificate) return NULL;
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, options.key, SSL_FILETYPE_PEM) != 1) {
    ERR_print_errors_fp(stderr);
    exit(1);
  }
  return context;
}
#endif

static void *accept_all(void *argument) {
  int listener = *(int *)argument;
#ifdef WITH_TLS
  SSL_CTX *context = tls_context();
#endif
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  for (;;) {
    int fd = accept(listener, NULL, NULL), on = 1;
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection *c = malloc(sizeof *c);
    c->fd = fd;
    c->tls = NULL;
    c->held = 0;
    c->free_at = 0;
    c->seed = (unsigned)atomic_fetch_add(&accepted, 1);
#ifdef WITH_TLS
    if (context) SSL_set_fd(c->tls = SSL_new(context), fd);
#endif
    pthread_t thread;
    if (pthread_create(&thread, &attributes, serve, c)) {
      close(fd);
      free(c);
    }
  }
  return NULL;
}

static int listen_on(unsigned short *port) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1, small = 64 * 1024;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  /* A slow line must not look fast because this kernel takes megabytes in advance. */
  if (is_slow_line()) setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096)) {
    perror("listen");
    exit(1);
  }
  getsockname(listener, (struct sockaddr *)&address, &length);
  *port = ntohs(address.sin_port);
  return listener;
}

static void print_counts(void) {
  int last = (int)((now_ns() - started_at) / WINDOW_NS);
  printf("{\"received\":%lld,\"connections\":%lld,\"refused\":%lld,", atomic_load(&received), atomic_load(&accepted),
         atomic_load(&refused));
  cloud_print_counts();
  printf(",\"perTenth\":[");
  for (int window = 0; window <= last && window < WINDOWS; window++)
    printf("%s%lld", window ? "," : "", atomic_load(&windows[window]));
  printf("]}\n");
  fflush(stdout);
}

int main(int argc, char **argv) {
  unsigned short port;
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "0";
    if (!strcmp(argv[i], "--crc64")) options.crc64 = true;
    if (!strcmp(argv[i], "--delay-ms")) options.delay_ms = atol(value);
    if (!strcmp(argv[i], "--connection-rate")) options.connection_rate = atol(value);
    if (!strcmp(argv[i], "--total-rate")) options.total_rate = atol(value);
    if (!strcmp(argv[i], "--refused")) options.refused = atof(value);
    if (!strcmp(argv[i], "--loss")) options.loss = atof(value);
    if (!strcmp(argv[i], "--certificate")) options.certificate = value;
    if (!strcmp(argv[i], "--key")) options.key = value;
  }
  signal(SIGPIPE, SIG_IGN);
  crc64_init();
  int listener = listen_on(&port);
  started_at = now_ns();
  pthread_t thread;
  pthread_create(&thread, NULL, accept_all, &listener);
  printf("{\"port\":%d}\n", port);
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) print_counts();
  return 0;
}
