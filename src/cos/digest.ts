import { createHash, type Hash } from 'node:crypto';
import { createCrc64, type Crc64 } from './crc64.js';

/** What each part and the whole object are compared by. */
export type Verification = 'crc64' | 'md5' | 'none';

/** What was read of a part, digested on the way. */
export interface Digest {
  update(chunk: Uint8Array): void;
  finish(): { readonly crc64?: bigint; readonly md5?: string };
}

export function createDigest(kinds: readonly ('crc64' | 'md5')[]): Digest {
  const crc64: Crc64 | undefined = kinds.includes('crc64') ? createCrc64() : undefined;
  const md5: Hash | undefined = kinds.includes('md5') ? createHash('md5') : undefined;
  return {
    update(chunk) {
      crc64?.update(chunk);
      md5?.update(chunk);
    },
    finish: () => ({
      ...(crc64 ? { crc64: crc64.digest() } : {}),
      ...(md5 ? { md5: md5.digest('hex') } : {}),
    }),
  };
}
