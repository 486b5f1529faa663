/* What COS (enough of S3, too) and the VOD API answer, for clients that are measured: every signature is right. */
#define _GNU_SOURCE
#include "cloud.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crc64.h"

#define BUCKET "bench-1250000000"
#define REGION "ap-guangzhou"
#define MAX_PARTS 10001
#define BUCKETS 65536

typedef struct {
  uint64_t size, crc64;
  bool has_crc64, stored;
} part;

typedef struct upload {
  unsigned long id;
  char *key;
  part *parts;
  int capacity;
  struct upload *next;
} upload;

typedef struct object {
  char *key;
  uint64_t size;
  struct object *next;
} object;

enum kind { PUT, PART, INITIATE, COMPLETE, ABORT, LIST_PARTS, LIST_UPLOADS, HEAD, APPLY, COMMIT, DESCRIBE, OTHER, KINDS };
static const char *const kind_names[KINDS] = {
    "put",  "part",  "initiate", "complete", "abort",   "listParts", "listUploads",
    "head", "apply", "commit",   "describe", "other",
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static upload *uploads[BUCKETS];
static object *objects[BUCKETS];
static unsigned long last_upload;
static atomic_ulong last_media;
static atomic_ulong counts[KINDS];
static atomic_long first_apply_ms;

static char *format(const char *pattern, ...) {
  char *text = NULL;
  va_list values;
  va_start(values, pattern);
  if (vasprintf(&text, pattern, values) < 0) abort();
  va_end(values);
  return text;
}

static unsigned hash(const char *key) {
  unsigned value = 5381;
  while (*key) value = value * 33 + (unsigned char)*key++;
  return value % BUCKETS;
}

/* What follows a name in a query or a form: nothing, or = and the value. */
static const char *after_name(const char *query, const char *name) {
  size_t length = strlen(name);
  for (const char *at = query; at && *at; at = strchr(at, '&')) {
    if (*at == '&') at++;
    if (!strncmp(at, name, length) && strchr("=&", at[length])) return at + length;
  }
  return NULL;
}

static const char *param_text(const char *query, const char *name) {
  const char *at = after_name(query, name);
  return at && *at == '=' ? at + 1 : NULL;
}

static bool has_param(const char *query, const char *name) { return after_name(query, name) != NULL; }

static long param(const char *query, const char *name) {
  const char *text = param_text(query, name);
  return text ? atol(text) : 0;
}

static enum kind classify(const request *request) {
  const char *method = request->method, *query = request->query;
  bool in_upload = has_param(query, "uploadId");
  if (request->action[0]) {
    if (!strncmp(request->action, "ApplyUpload", 11)) return APPLY;
    return strncmp(request->action, "CommitUpload", 12) ? DESCRIBE : COMMIT;
  }
  if (!strcmp(method, "PUT")) return in_upload ? PART : PUT;
  if (!strcmp(method, "HEAD")) return HEAD;
  if (!strcmp(method, "DELETE")) return in_upload ? ABORT : OTHER;
  if (!strcmp(method, "POST")) return in_upload ? COMPLETE : has_param(query, "uploads") ? INITIATE : OTHER;
  return in_upload ? LIST_PARTS : has_param(query, "uploads") ? LIST_UPLOADS : OTHER;
}

bool takes_object(const request *request) {
  enum kind kind = classify(request);
  return kind == PUT || kind == PART;
}

/* The caller holds the lock. */
static upload **find_upload(unsigned long id) {
  upload **at = &uploads[id % BUCKETS];
  while (*at && (*at)->id != id) at = &(*at)->next;
  return at;
}

static void drop_upload(upload **at) {
  upload *gone = *at;
  *at = gone->next;
  free(gone->key);
  free(gone->parts);
  free(gone);
}

static void keep_object(const char *key, uint64_t size) {
  object **at = &objects[hash(key)];
  while (*at && strcmp((*at)->key, key)) at = &(*at)->next;
  if (!*at) {
    *at = calloc(1, sizeof(object));
    (*at)->key = strdup(key);
  }
  (*at)->size = size;
}

/* The dash tells S3 clients that this is no MD5. */
static void stored(reply *reply, unsigned long owner, int number, uint64_t size, bool has_crc64, uint64_t crc64) {
  int length = snprintf(reply->headers, sizeof reply->headers, "ETag: \"%08lx%08x%016llx-1\"\r\n", owner & 0xffffffff,
                        number, (unsigned long long)size);
  if (has_crc64)
    snprintf(reply->headers + length, sizeof reply->headers - length, "x-cos-hash-crc64ecma: %llu\r\n",
             (unsigned long long)crc64);
}

static void no_such_upload(reply *reply) {
  reply->status = 404;
  reply->body = format("<Error><Code>NoSuchUpload</Code><Message>no such upload</Message></Error>");
}

static void put_object(const request *request, reply *reply) {
  keep_object(request->path, request->size);
  stored(reply, 0, 0, request->size, request->has_crc64, request->crc64);
}

static void put_part(const request *request, reply *reply) {
  unsigned long id = param(request->query, "uploadId");
  long number = param(request->query, "partNumber");
  upload *upload = *find_upload(id);
  if (!upload || number < 1 || number >= MAX_PARTS) return no_such_upload(reply);
  if (number >= upload->capacity) {
    int capacity = number * 2 + 16;
    upload->parts = realloc(upload->parts, capacity * sizeof(part));
    memset(upload->parts + upload->capacity, 0, (capacity - upload->capacity) * sizeof(part));
    upload->capacity = capacity;
  }
  upload->parts[number] = (part){request->size, request->crc64, request->has_crc64, true};
  stored(reply, id, number, request->size, request->has_crc64, request->crc64);
}

static void initiate(const request *request, reply *reply) {
  upload *begun = calloc(1, sizeof *begun);
  begun->id = ++last_upload;
  begun->key = strdup(request->path);
  begun->next = uploads[begun->id % BUCKETS];
  uploads[begun->id % BUCKETS] = begun;
  reply->body = format(
      "<InitiateMultipartUploadResult><Bucket>" BUCKET "</Bucket><Key>%s</Key><UploadId>%lu</UploadId>"
      "</InitiateMultipartUploadResult>",
      begun->key + 1, begun->id);
}

static void complete(const request *request, reply *reply) {
  upload **at = find_upload(param(request->query, "uploadId"));
  if (!*at) return no_such_upload(reply);
  uint64_t size = 0, crc64 = 0;
  int count = 0;
  bool has_crc64 = true;
  for (int number = 1; number < (*at)->capacity; number++) {
    part *part = &(*at)->parts[number];
    if (!part->stored) continue;
    crc64 = crc64_combine(crc64, part->crc64, part->size);
    has_crc64 &= part->has_crc64;
    size += part->size;
    count++;
  }
  keep_object(request->path, size);
  stored(reply, (*at)->id, count, size, has_crc64, crc64);
  reply->body = format(
      "<CompleteMultipartUploadResult><Location>http://" BUCKET ".cos." REGION ".myqcloud.com%s</Location><Bucket>" BUCKET
      "</Bucket><Key>%s</Key><ETag>&quot;%032lx-%d&quot;</ETag></CompleteMultipartUploadResult>",
      request->path, request->path + 1, (*at)->id, count);
  drop_upload(at);
}

static void list_parts(const request *request, reply *reply) {
  unsigned long id = param(request->query, "uploadId");
  upload *upload = *find_upload(id);
  if (!upload) return no_such_upload(reply);
  char *text;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  int number = param(request->query, "part-number-marker") + 1, listed = 0;
  fprintf(out, "<ListPartsResult><UploadId>%lu</UploadId><MaxParts>1000</MaxParts>", id);
  for (; number < upload->capacity && listed < 1000; number++) {
    part *part = &upload->parts[number];
    if (!part->stored) continue;
    listed++;
    fprintf(out,
            "<Part><PartNumber>%d</PartNumber><ETag>&quot;%08lx%08x%016llx-1&quot;</ETag><Size>%llu</Size>"
            "<LastModified>2026-01-01T00:00:00Z</LastModified></Part>",
            number, id & 0xffffffff, number, (unsigned long long)part->size, (unsigned long long)part->size);
  }
  fprintf(out, "<NextPartNumberMarker>%d</NextPartNumberMarker><IsTruncated>%s</IsTruncated></ListPartsResult>",
          number - 1, number < upload->capacity ? "true" : "false");
  fclose(out);
  reply->body = text;
}

static void head(const request *request, reply *reply) {
  object *object = objects[hash(request->path)];
  while (object && strcmp(object->key, request->path)) object = object->next;
  if (!object) {
    reply->status = 404;
    return;
  }
  reply->content_length = object->size;
  snprintf(reply->headers, sizeof reply->headers,
           "ETag: \"%032llx-1\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n", (unsigned long long)object->size);
}

/* The value of a field of flat JSON, or of a form, as the VOD API takes both; or nothing. */
static void field(const char *body, const char *name, char *value, size_t size) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\":\"", name);
  const char *at = body ? strstr(body, quoted) : NULL;
  at = at ? at + strlen(quoted) : param_text(body, name);
  size_t length = at ? strcspn(at, "\"&") : 0;
  if (length >= size) length = size - 1;
  if (length) memcpy(value, at, length);
  value[length] = 0;
}

static void apply(const request *request, reply *reply) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  long unset = 0;
  atomic_compare_exchange_strong(&first_apply_ms, &unset, now.tv_sec * 1000 + now.tv_nsec / 1000000);
  unsigned long long file_id = 5285890784000000000ull + atomic_fetch_add(&last_media, 2);
  char type[32], cover_type[32], cover[128] = "null";
  field(request->body, "MediaType", type, sizeof type);
  field(request->body, "CoverType", cover_type, sizeof cover_type);
  if (cover_type[0])
    snprintf(cover, sizeof cover, "\"/bench/7f51d96b%llu/%llu.%s\"", file_id, file_id + 1, cover_type);
  reply->body = format(
      "{\"Response\":{\"StorageBucket\":\"" BUCKET "\",\"StorageRegion\":\"" REGION "\",\"VodSessionKey\":\"%llu\","
      "\"MediaStoragePath\":\"/bench/7f51d96b%llu/media.%s\",\"CoverStoragePath\":%s,\"TempCertificate\":{"
      "\"SecretId\":\"AKIDbench\",\"SecretKey\":\"bench\",\"Token\":\"bench\",\"ExpiredTime\":%ld},"
      "\"RequestId\":\"bench-apply\"}}",
      file_id, file_id, type, cover, (long)now.tv_sec + 21600);
}

static void commit(const request *request, reply *reply) {
  char key[64];
  field(request->body, "VodSessionKey", key, sizeof key);
  reply->body = format(
      "{\"Response\":{\"FileId\":\"%s\",\"MediaUrl\":\"http://bench.vod2.myqcloud.com/%s\",\"CoverUrl\":\"\","
      "\"RequestId\":\"bench-commit\"}}",
      key, key);
}

static void answer_object(enum kind kind, const request *request, reply *reply) {
  upload **at;
  switch (kind) {
    case PUT: return put_object(request, reply);
    case PART: return put_part(request, reply);
    case INITIATE: return initiate(request, reply);
    case COMPLETE: return complete(request, reply);
    case LIST_PARTS: return list_parts(request, reply);
    case HEAD: return head(request, reply);
    case ABORT:
      at = find_upload(param(request->query, "uploadId"));
      if (!*at) return no_such_upload(reply);
      drop_upload(at);
      reply->status = 204;
      return;
    case LIST_UPLOADS:
      reply->body = format("<ListMultipartUploadsResult><Bucket>" BUCKET "</Bucket><IsTruncated>false</IsTruncated>"
                           "</ListMultipartUploadsResult>");
      return;
    default:
      reply->body = format("<ListBucketResult><Name>" BUCKET "</Name><KeyCount>0</KeyCount>"
                           "<IsTruncated>false</IsTruncated></ListBucketResult>");
  }
}

void cloud_answer(request *request, reply *reply) {
  const char *action = request->action[0] ? NULL : param_text(request->body, "Action");
  if (action && !strcmp(request->path, "/"))
    snprintf(request->action, sizeof request->action, "%.*s", (int)strcspn(action, "&"), action);
  enum kind kind = classify(request);
  atomic_fetch_add(&counts[kind], 1);
  if (kind == APPLY) return apply(request, reply);
  if (kind == COMMIT) return commit(request, reply);
  if (kind == DESCRIBE) {
    reply->body = format("{\"Response\":{\"MediaInfoSet\":[],\"NotExistFileIdSet\":[],\"RequestId\":\"bench\"}}");
    return;
  }
  pthread_mutex_lock(&lock);
  answer_object(kind, request, reply);
  pthread_mutex_unlock(&lock);
}

void cloud_print_counts(void) {
  printf("\"firstApplyAtMs\":%ld,\"requests\":{", atomic_load(&first_apply_ms));
  for (int kind = 0; kind < KINDS; kind++)
    printf("%s\"%s\":%lu", kind ? "," : "", kind_names[kind], atomic_load(&counts[kind]));
  printf("}");
}
