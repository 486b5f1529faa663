import { createHash, randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createCrc64 } from './crc64.js';
import type { Exchange } from './exchange.js';
import { ServiceError } from './exchange.js';

/** A body of which no byte moved for this long is given up, as COS does. */
const IDLE_MS = 20_000;
/** Written to disk in strokes of this many bytes. */
const STROKE = 1 << 20;

export interface ReceivedFile {
  readonly path: string;
  readonly size: number;
  readonly md5: Buffer;
  readonly crc64: string;
}

/**
 * Feeds the body to `take`, one stroke at a time and never more than that in memory.
 * Rejects when the peer goes away or stays silent.
 */
function consume(exchange: Exchange, take: (chunks: Buffer[]) => Promise<void>): Promise<void> {
  const { req, record, resetAfter } = exchange;
  return new Promise((resolve, reject) => {
    let waiting: Buffer[] = [];
    let waitingBytes = 0;
    let taking: Promise<void> = Promise.resolve();

    function flush(): Promise<void> {
      const chunks = waiting;
      waiting = [];
      waitingBytes = 0;
      taking = taking.then(() => (chunks.length === 0 ? undefined : take(chunks)));
      return taking;
    }
    function onData(chunk: Buffer): void {
      record.bytesReceived += chunk.length;
      if (resetAfter !== undefined && record.bytesReceived >= resetAfter) {
        req.socket.resetAndDestroy();
        return;
      }
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes < STROKE) return;
      req.pause();
      flush().then(() => req.resume(), settle);
    }
    function onEnd(): void {
      req.off('close', onClose);
      flush().then(() => settle(), settle);
    }
    function onClose(): void {
      settle(new Error('the peer went away'));
    }
    function onIdle(): void {
      settle(new ServiceError('RequestTimeout', 'the body stopped arriving', true));
    }
    function settle(error?: unknown): void {
      req.off('data', onData).off('end', onEnd).off('error', settle).off('close', onClose);
      req.off('timeout', onIdle).socket.setTimeout(0);
      const done = error === undefined ? resolve : () => reject(error);
      taking.then(done, reject);
    }

    if (req.destroyed) return onClose();
    req.on('timeout', onIdle).socket.setTimeout(IDLE_MS);
    req.on('error', settle).on('close', onClose).on('end', onEnd).on('data', onData);
    req.resume();
  });
}

/** Streams the body into a new file under `dir`, hashing on the way. */
export async function receiveFile(exchange: Exchange, dir: string): Promise<ReceivedFile> {
  const path = join(dir, randomBytes(12).toString('hex'));
  const md5 = createHash('md5');
  const crc64 = createCrc64();
  let size = 0;
  const file = await open(path, 'wx');
  try {
    await consume(exchange, async (chunks) => {
      for (const chunk of chunks) {
        md5.update(chunk);
        crc64.update(chunk);
      }
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      const { bytesWritten } = await file.writev(chunks);
      if (bytesWritten < bytes) throw new Error(`${path}: wrote ${bytesWritten} of ${bytes} bytes`);
      size += bytes;
    });
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
  await file.close();
  return { path, size, md5: md5.digest(), crc64: crc64.decimal() };
}

/** The whole body in memory, where the protocol keeps it small. */
export async function receiveText(exchange: Exchange, limit: number): Promise<Buffer> {
  const body = await (exchange.body ??= readText(exchange, limit));
  if (body.length > limit) {
    throw new ServiceError('RequestSizeLimitExceeded', `the body exceeds ${limit}`);
  }
  return body;
}

async function readText(exchange: Exchange, limit: number): Promise<Buffer> {
  const kept: Buffer[] = [];
  let size = 0;
  await consume(exchange, (chunks) => {
    for (const chunk of chunks) {
      if (size <= limit) kept.push(chunk);
      size += chunk.length;
    }
    return Promise.resolve();
  });
  return Buffer.concat(kept);
}

/** Reads what is left of the body and forgets it, so that an answer finds a listener. */
export async function drain(exchange: Exchange): Promise<void> {
  if (exchange.req.readableEnded) return;
  await consume(exchange, () => Promise.resolve());
}
