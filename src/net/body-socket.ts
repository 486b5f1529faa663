import fs from 'node:fs';
import net from 'node:net';

/** What Node's type definitions leave out of the handle of a connection. */
interface Handle {
  /** The descriptor; negative where the system has none. */
  readonly fd?: number;
  readStop?(): void;
}

/**
 * A plain TCP connection. What the kernel does with a large chunk takes longer than all else, so that
 * another thread can be asked to hand it over.
 */
export class BodySocket extends net.Socket {
  #writing: Promise<unknown> | undefined;

  /**
   * Resolves to how many bytes of the chunk the kernel took: fewer than all where its queue is full, none
   * where the connection is broken, which the connection tells of itself. No other write may be under way.
   */
  writeAside(chunk: Uint8Array): Promise<number> {
    const { fd = -1 } = this.#handle;
    if (this.destroyed || fd < 0) return Promise.resolve(0);
    const writing = new Promise<number>((resolve) => {
      fs.write(fd, chunk, 0, chunk.length, null, (error, count) => {
        this.#writing = undefined;
        // Leaves time to read an answer that came before the connection broke.
        if (error && error.code !== 'EAGAIN') setImmediate(resolve, 0);
        else resolve(error ? 0 : count);
      });
    });
    this.#writing = writing;
    return writing;
  }

  /** Waits for the other thread: once the descriptor is closed its number may be that of another file. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#writing) {
      super._destroy(error, done);
      return;
    }
    // Node throws when anything comes in on a connection that was given up and is not closed yet.
    this.#handle.readStop?.();
    void this.#writing.then(() => super._destroy(error, done));
  }

  get #handle(): Handle {
    return (this as { readonly _handle?: Handle | null })._handle ?? {};
  }
}
