#pragma once
#include <stddef.h>
#include <stdint.h>

/* CRC-64/XZ at memory speed: 0 to begin with, checksums in and out. */
void crc64_init(void);
uint64_t crc64_update(uint64_t crc, const unsigned char *data, size_t length);
/* Of two messages joined, from those of each and the length of the second. */
uint64_t crc64_combine(uint64_t first, uint64_t second, uint64_t second_length);
