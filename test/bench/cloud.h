#pragma once
#include <stdbool.h>
#include <stdint.h>

/* One request, its body already read: kept for control requests, only counted for objects. */
typedef struct {
  char method[8];
  char path[2048];
  char query[2048];
  char action[64]; /* X-TC-Action: a call of the VOD API */
  const char *body;
  uint64_t size; /* of the body */
  uint64_t crc64;
  bool has_crc64;
} request;

/* `headers` end in \r\n each, or are empty; `body` belongs to the caller, who frees it. */
typedef struct {
  int status;
  char headers[512];
  char *body;
  uint64_t content_length; /* what HEAD tells */
} reply;

/* A call of the VOD API in the form of old signatures names its action in the body: it is filled in. */
void cloud_answer(request *request, reply *reply);
/* One line of JSON: how many requests of each kind, and when the first ApplyUpload came. */
void cloud_print_counts(void);
bool takes_object(const request *request);
