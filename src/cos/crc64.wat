;; CRC-64/XZ (reflected ECMA-182 polynomial) of bytes that lie in the memory, and the arithmetic to join
;; checksums.
;;
;; Long input is folded before any table is read. Some multiple of the polynomial has only eight terms:
;;   x^1403 + x^1286 + x^1251 + x^1162 + x^1008 + x^509 + x^153 + 1
;; and, over GF(2), the same is true of its eighth power, whose exponents are those times eight. So a
;; byte may be taken out of the message if it is added to the bytes 117, 152, 241, 395, 894, 1250 and
;; 1403 further on: seven loads and xors of 16 bytes at a time instead of sixteen table look-ups. What
;; remains, some 1.4 KiB, goes through tables, eight bytes at a step. The input stays as it is: what
;; is folded is written elsewhere, a piece at a time that fits a core's nearest cache.
;;
;; Memory: 0 tables for eight bytes (16 KiB); 16384 powers x^(8·2^k), k < 64; 16896 the last 1408
;; folded bytes before a piece; 18304 the folded piece (16 KiB); 34688 the folded end (1408). What is
;; from 36096 on belongs to the caller.
(module
  (import "chunks" "memory" (memory 1))
  (global $polynomial i64 (i64.const 0xC96C5795D7870F42))
  (global $lastLength (mut i64) (i64.const 0))
  (global $lastPower (mut i64) (i64.const 0x8000000000000000)) ;; x^0; bit 63 is the constant term

  (func $timesX (param $a i64) (result i64)
    (i64.xor
      (i64.shr_u (local.get $a) (i64.const 1))
      (i64.and
        (global.get $polynomial)
        (i64.sub (i64.const 0) (i64.and (local.get $a) (i64.const 1))))))

  ;; a·b modulo the polynomial
  (func $times (param $a i64) (param $b i64) (result i64)
    (local $product i64)
    (block $done
      (loop $terms
        (br_if $done (i64.eqz (local.get $a)))
        (local.set $product
          (i64.xor
            (local.get $product)
            (i64.and (local.get $b) (i64.shr_s (local.get $a) (i64.const 63)))))
        (local.set $a (i64.shl (local.get $a) (i64.const 1)))
        (local.set $b (call $timesX (local.get $b)))
        (br $terms)))
    (local.get $product))

  (func $init
    (local $at i32) (local $bit i32) (local $value i64)
    (loop $bytes
      (local.set $value (i64.extend_i32_u (i32.shr_u (local.get $at) (i32.const 3))))
      (local.set $bit (i32.const 8))
      (loop $bits
        (local.set $value (call $timesX (local.get $value)))
        (local.set $bit (i32.sub (local.get $bit) (i32.const 1)))
        (br_if $bits (local.get $bit)))
      (i64.store (local.get $at) (local.get $value))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $bytes (i32.lt_u (local.get $at) (i32.const 2048))))
    ;; The next table: the same byte, one zero byte later.
    (loop $tables
      (local.set $value (i64.load (i32.sub (local.get $at) (i32.const 2048))))
      (i64.store (local.get $at) (call $zeroByte (local.get $value)))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $tables (i32.lt_u (local.get $at) (i32.const 16384))))
    (local.set $value (i64.const 0x0080000000000000)) ;; x^8
    (loop $powers
      (i64.store (local.get $at) (local.get $value))
      (local.set $value (call $times (local.get $value) (local.get $value)))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $powers (i32.lt_u (local.get $at) (i32.const 16896)))))
  (start $init)

  ;; What the byte in the low bits of $word adds to the state, $table + 1 bytes later.
  (func $entry (param $word i64) (param $table i32) (result i64)
    (i64.load
      (i32.add
        (i32.shl (local.get $table) (i32.const 11))
        (i32.shl (i32.wrap_i64 (i64.and (local.get $word) (i64.const 255))) (i32.const 3)))))

  (func $zeroByte (param $state i64) (result i64)
    (i64.xor
      (i64.shr_u (local.get $state) (i64.const 8))
      (call $entry (local.get $state) (i32.const 0))))

  ;; Writes to $to the bytes from $at on, to each of which those are added that lie 117, 152, … before the
  ;; same distance from $last + 1408 on. $length is a multiple of 64, and not 0: each turn does so many, since
  ;; V8 looks at every turn whether to stop. None of them takes from another.
  (func $fold (param $to i32) (param $at i32) (param $length i32) (param $last i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (loop $turns
      (v128.store (local.get $to)
        (v128.xor
          (v128.xor
            (v128.xor (v128.load (local.get $at)) (v128.load offset=5 (local.get $last)))
            (v128.xor (v128.load offset=158 (local.get $last)) (v128.load offset=514 (local.get $last))))
          (v128.xor
            (v128.xor (v128.load offset=1013 (local.get $last)) (v128.load offset=1167 (local.get $last)))
            (v128.xor (v128.load offset=1256 (local.get $last)) (v128.load offset=1291 (local.get $last))))))
      (v128.store offset=16 (local.get $to)
        (v128.xor
          (v128.xor
            (v128.xor (v128.load offset=16 (local.get $at)) (v128.load offset=21 (local.get $last)))
            (v128.xor (v128.load offset=174 (local.get $last)) (v128.load offset=530 (local.get $last))))
          (v128.xor
            (v128.xor (v128.load offset=1029 (local.get $last)) (v128.load offset=1183 (local.get $last)))
            (v128.xor (v128.load offset=1272 (local.get $last)) (v128.load offset=1307 (local.get $last))))))
      (v128.store offset=32 (local.get $to)
        (v128.xor
          (v128.xor
            (v128.xor (v128.load offset=32 (local.get $at)) (v128.load offset=37 (local.get $last)))
            (v128.xor (v128.load offset=190 (local.get $last)) (v128.load offset=546 (local.get $last))))
          (v128.xor
            (v128.xor (v128.load offset=1045 (local.get $last)) (v128.load offset=1199 (local.get $last)))
            (v128.xor (v128.load offset=1288 (local.get $last)) (v128.load offset=1323 (local.get $last))))))
      (v128.store offset=48 (local.get $to)
        (v128.xor
          (v128.xor
            (v128.xor (v128.load offset=48 (local.get $at)) (v128.load offset=53 (local.get $last)))
            (v128.xor (v128.load offset=206 (local.get $last)) (v128.load offset=562 (local.get $last))))
          (v128.xor
            (v128.xor (v128.load offset=1061 (local.get $last)) (v128.load offset=1215 (local.get $last)))
            (v128.xor (v128.load offset=1304 (local.get $last)) (v128.load offset=1339 (local.get $last))))))
      (local.set $to (i32.add (local.get $to) (i32.const 64)))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (local.set $last (i32.add (local.get $last) (i32.const 64)))
      (br_if $turns (i32.lt_u (local.get $at) (local.get $end)))))

  ;; The state after the bytes from $at to $end, by tables.
  (func $bytewise (param $state i64) (param $at i32) (param $end i32) (result i64)
    (block $short
      (loop $eights
        (br_if $short
          (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 8)))
        (local.set $state (i64.xor (local.get $state) (i64.load (local.get $at))))
        (local.set $state
          (i64.xor
            (i64.xor
              (i64.xor
                (call $entry (local.get $state) (i32.const 7))
                (call $entry (i64.shr_u (local.get $state) (i64.const 8)) (i32.const 6)))
              (i64.xor
                (call $entry (i64.shr_u (local.get $state) (i64.const 16)) (i32.const 5))
                (call $entry (i64.shr_u (local.get $state) (i64.const 24)) (i32.const 4))))
            (i64.xor
              (i64.xor
                (call $entry (i64.shr_u (local.get $state) (i64.const 32)) (i32.const 3))
                (call $entry (i64.shr_u (local.get $state) (i64.const 40)) (i32.const 2)))
              (i64.xor
                (call $entry (i64.shr_u (local.get $state) (i64.const 48)) (i32.const 1))
                (call $entry (i64.shr_u (local.get $state) (i64.const 56)) (i32.const 0))))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $eights)))
    (block $done
      (loop $bytes
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (local.set $state
          (call $zeroByte
            (i64.xor (local.get $state) (i64.load8_u (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $bytes)))
    (local.get $state))

  ;; The state after $length more bytes, which lie at $at.
  (func (export "update") (param $state i64) (param $at i32) (param $length i32) (result i64)
    (local $end i32) (local $foldEnd i32) (local $piece i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (if (i32.ge_u (local.get $length) (i32.const 4096))
      (then
        (local.set $foldEnd
          (i32.add
            (local.get $at)
            (i32.and (i32.sub (local.get $length) (i32.const 1408)) (i32.const -64))))
        ;; The first bytes take from nothing but the state.
        (memory.fill (i32.const 16896) (i32.const 0) (i32.const 1408))
        (local.set $piece (i32.const 64))
        (call $fold (i32.const 18304) (local.get $at) (local.get $piece) (i32.const 16896))
        (i64.store (i32.const 18304) (i64.xor (i64.load (i32.const 18304)) (local.get $state)))
        (loop $pieces
          (memory.copy
            (i32.const 16896) (i32.add (i32.const 16896) (local.get $piece)) (i32.const 1408))
          (local.set $at (i32.add (local.get $at) (local.get $piece)))
          (local.set $piece (i32.sub (local.get $foldEnd) (local.get $at)))
          (if (i32.gt_u (local.get $piece) (i32.const 16384))
            (then (local.set $piece (i32.const 16384))))
          (if (local.get $piece)
            (then
              (call $fold (i32.const 18304) (local.get $at) (local.get $piece) (i32.const 16896))
              (br $pieces))))
        ;; The bytes that remain take from those before them, not from each other.
        (memory.fill (i32.const 18304) (i32.const 0) (i32.const 1408))
        (call $fold (i32.const 34688) (local.get $at) (i32.const 1408) (i32.const 16896))
        (local.set $at (i32.add (local.get $at) (i32.const 1408)))
        (local.set $state (call $bytewise (i64.const 0) (i32.const 34688) (i32.const 36096)))))
    (call $bytewise (local.get $state) (local.get $at) (local.get $end)))

  ;; The checksum of two messages joined, from that of each and the length of the second (an integer
  ;; below 2^53). The power for the last length is kept, since parts are of equal size.
  (func (export "combine") (param $first i64) (param $second i64) (param $length f64) (result i64)
    (local $rest i64) (local $power i64) (local $at i32)
    (local.set $rest (i64.trunc_f64_u (local.get $length)))
    (if (i64.ne (local.get $rest) (global.get $lastLength))
      (then
        (global.set $lastLength (local.get $rest))
        (local.set $power (i64.const 0x8000000000000000))
        (local.set $at (i32.const 16384))
        (block $done
          (loop $bits
            (br_if $done (i64.eqz (local.get $rest)))
            (if (i32.wrap_i64 (i64.and (local.get $rest) (i64.const 1)))
              (then
                (local.set $power
                  (call $times (local.get $power) (i64.load (local.get $at))))))
            (local.set $rest (i64.shr_u (local.get $rest) (i64.const 1)))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br $bits)))
        (global.set $lastPower (local.get $power))))
    (i64.xor
      (call $times (global.get $lastPower) (local.get $first))
      (local.get $second))))
