/* See src/cos/crc64.wat for the idea: an eight-term multiple of the polynomial folds long input. */
#include "crc64.h"

#include <string.h>

#define POLYNOMIAL 0xC96C5795D7870F42u
#define REACH 1408
#define PIECE 32768

typedef uint64_t words __attribute__((vector_size(16)));

static uint64_t table[8][256];
static uint64_t power[64]; /* x^(8 * 2^k) */

static uint64_t times_x(uint64_t a) { return (a >> 1) ^ (a & 1 ? POLYNOMIAL : 0); }

static uint64_t times(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  for (; a; a <<= 1, b = times_x(b))
    if (a >> 63) product ^= b;
  return product;
}

void crc64_init(void) {
  for (unsigned byte = 0; byte < 256; byte++) {
    uint64_t value = byte;
    for (int bit = 0; bit < 8; bit++) value = times_x(value);
    table[0][byte] = value;
  }
  for (int step = 1; step < 8; step++)
    for (unsigned byte = 0; byte < 256; byte++) {
      uint64_t before = table[step - 1][byte];
      table[step][byte] = before >> 8 ^ table[0][before & 255];
    }
  power[0] = 1ull << 55;
  for (int k = 1; k < 64; k++) power[k] = times(power[k - 1], power[k - 1]);
}

static words load(const unsigned char *at) {
  words value;
  memcpy(&value, at, sizeof value);
  return value;
}

static void fold(unsigned char *at, const unsigned char *from, size_t length) {
  for (size_t i = 0; i < length; i += 16) {
    const unsigned char *past = from + i;
    words value = load(at + i) ^ load(past - 117) ^ load(past - 152) ^ load(past - 241) ^
                  load(past - 395) ^ load(past - 894) ^ load(past - 1250) ^ load(past - 1403);
    memcpy(at + i, &value, sizeof value);
  }
}

static uint64_t by_table(uint64_t state, const unsigned char *data, size_t length) {
  for (; length >= 8; data += 8, length -= 8) {
    uint64_t word;
    memcpy(&word, data, 8);
    state ^= word;
    uint64_t next = 0;
    for (int byte = 0; byte < 8; byte++) next ^= table[7 - byte][state >> (8 * byte) & 255];
    state = next;
  }
  for (; length; data++, length--) state = state >> 8 ^ table[0][(state ^ *data) & 255];
  return state;
}

uint64_t crc64_update(uint64_t crc, const unsigned char *data, size_t length) {
  uint64_t state = ~crc;
  while (length >= 4096) {
    /* History and zeros before the data, as fold() reaches back that far. */
    unsigned char room[2 * REACH + PIECE];
    unsigned char *piece = room + 2 * REACH;
    size_t size = length < PIECE ? length : PIECE;
    memset(room, 0, 2 * REACH);
    memcpy(piece, data, size);
    uint64_t first;
    memcpy(&first, piece, 8);
    first ^= state;
    memcpy(piece, &first, 8);
    size_t folded = (size - REACH) & ~(size_t)15;
    fold(piece, piece, folded);
    memcpy(room, piece + folded - REACH, REACH);
    memset(room + REACH, 0, REACH);
    fold(piece + folded, room + REACH, REACH);
    state = by_table(0, piece + folded, size - folded);
    data += size;
    length -= size;
  }
  return ~by_table(state, data, length);
}

uint64_t crc64_combine(uint64_t first, uint64_t second, uint64_t second_length) {
  for (int k = 0; second_length; k++, second_length >>= 1)
    if (second_length & 1) first = times(power[k], first);
  return first ^ second;
}
