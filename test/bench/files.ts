import { randomBytes } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';

export const MIB = 1024 * 1024;

/** Files in a directory of their own. */
export interface Collection {
  readonly directory: string;
  readonly files: readonly string[];
  readonly size: number;
}

/** Writes files of these sizes, no two of the same bytes, so that they are read from memory later. */
export async function makeFiles(directory: string, sizes: readonly number[]): Promise<Collection> {
  await mkdir(directory, { recursive: true });
  const block = randomBytes(4 * MIB);
  const files: string[] = [];
  for (const [index, size] of sizes.entries()) {
    const file = path.join(directory, `${String(index).padStart(5, '0')}.mp4`);
    const handle = await open(file, 'w');
    for (let written = 0; written < size; written += block.length) {
      block.writeBigUInt64LE(BigInt(index) * 2n ** 40n + BigInt(written));
      await handle.write(block, 0, Math.min(block.length, size - written));
    }
    await handle.close();
    files.push(file);
  }
  return { directory, files, size: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Sizes as a media library has them: many small files, a few large ones, each octave of equal weight but of 100 at most. */
export function mixedSizes(total: number): readonly number[] {
  const sizes: number[] = [];
  const octaves = 10;
  for (let octave = 0; octave < octaves; octave++) {
    const size = 128 * 1024 * 2 ** octave;
    const count = Math.max(1, Math.min(100, Math.round(total / octaves / size)));
    for (let index = 0; index < count; index++) sizes.push(size - index * 1000);
  }
  return sizes;
}
