import type { WriteStream } from 'node:tty';

/** What Node keeps of a terminal, as far as it is known; no documented field. */
interface Handle {
  readonly fd?: number;
  setBlocking?(isBlocking: boolean): void;
}

/** The descriptors that others have as well, among them the shell. */
const SHARED_FDS = 2;

/**
 * Has what is written to a terminal wait in this process while the terminal takes none (^S, a link that
 * stands still). Node would wait for it in the thread that does everything.
 */
export function doNotBlock(stream: WriteStream): void {
  const { _handle: handle } = stream as { readonly _handle?: Handle | null };
  // libuv opens a terminal anew, where it can: only that is this process's alone.
  if (process.platform !== 'linux' || !stream.isTTY || (handle?.fd ?? 0) <= SHARED_FDS) return;
  handle?.setBlocking?.(false);
}
