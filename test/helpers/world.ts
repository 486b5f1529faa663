import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import type { UploadEvent } from '../../src/core/events.js';
import type { JobId } from '../../src/core/ids.js';
import type { Job, Outcome, PlanItem, SourceFile } from '../../src/core/model.js';
import type { Cos, Journal, Source, Vod } from '../../src/core/ports.js';
import { createCos } from '../../src/cos/client.js';
import { createClock } from '../../src/net/clock.js';
import { createPacer } from '../../src/net/pacer.js';
import { createRetryBudget } from '../../src/net/retry.js';
import { createRoute } from '../../src/net/route.js';
import { createPartSlots, type PartSlots } from '../../src/pipeline/part-slots.js';
import type { Ports } from '../../src/pipeline/ports.js';
import { uploadAll } from '../../src/pipeline/upload-all.js';
import { sourceOf } from '../../src/plan/source.js';
import type { SandboxOptions } from '../../src/sandbox/sandbox.js';
import { createVod } from '../../src/vod/client.js';
import { startCloud, type Cloud } from './cloud.js';
import { createMemoryJournal, type MemoryJournal } from './memory-journal.js';

export const MIB = 1024 * 1024;

/** The real clients and pipeline against a sandbox in this process; one thing at a time is broken. */
export interface TestWorld {
  readonly dir: string;
  readonly sandbox: Cloud;
  readonly journal: MemoryJournal;
  readonly vod: Vod;
  readonly cos: Cos;
  readonly slots: PartSlots;
  readonly events: UploadEvent[];
  readonly ports: Ports;
  /** The messages of the warnings so far. */
  readonly warnings: string[];
  /** Source files that are open at present. */
  readonly openFiles: number;
  /** Writes a file: what is in it, or how many random bytes. Resolves to its path. */
  write(name: string, contents: string | number): Promise<string>;
  /** Uploads the jobs; resolves to one outcome each, in the order in which they settled. */
  run(jobs: readonly Job[], options?: RunOptions): Promise<Outcome[]>;
  /** What a new process has: clients and a clock that have learnt nothing, the same journal. */
  restart(): void;
  close(): Promise<void>;
}

export interface RunOptions {
  readonly concurrency?: number;
  readonly stop?: AbortSignal;
  readonly abort?: AbortSignal;
}

export interface WorldOptions {
  readonly faults?: readonly string[];
  readonly sandbox?: Partial<SandboxOptions>;
  readonly retries?: number;
  readonly stallTimeoutMs?: number;
  readonly apiRate?: number;
  readonly partSize?: number;
  readonly slots?: number;
  readonly secretKey?: string;
  /** The service's time, by which certificates end. */
  readonly now?: () => Date;
}

export async function createWorld(options: WorldOptions = {}): Promise<TestWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'vod-upload-'));
  const sandbox = await startCloud(options.faults, options.sandbox);
  const journal = createMemoryJournal();
  const events: UploadEvent[] = [];
  const files = countOpenFiles();
  const connect = () =>
    connectTo(sandbox, options, {
      journal,
      sourceOf: files.sourceOf,
      emit: (event) => void events.push(event),
    });
  let connected = connect();
  return {
    dir,
    sandbox,
    journal,
    events,
    get vod() {
      return connected.ports.vod;
    },
    get cos() {
      return connected.ports.cos;
    },
    get slots() {
      return connected.slots;
    },
    get ports() {
      return connected.ports;
    },
    get warnings() {
      return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    },
    get openFiles() {
      return files.count();
    },
    async write(name, contents) {
      const path = join(dir, name);
      await writeFile(path, typeof contents === 'number' ? randomBytes(contents) : contents);
      return path;
    },
    async run(jobs, runOptions = {}) {
      const outcomes: Outcome[] = [];
      await uploadAll(
        planOf(jobs),
        connected.ports,
        { record: async (outcome) => void outcomes.push(outcome) },
        {
          concurrency: runOptions.concurrency ?? 4,
          stop: runOptions.stop ?? new AbortController().signal,
          abort: runOptions.abort ?? new AbortController().signal,
          leave: new AbortController().signal,
        },
      );
      return outcomes;
    },
    restart() {
      connected.close();
      journal.claimed.clear();
      connected = connect();
    },
    async close() {
      connected.close();
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

interface Connected {
  readonly ports: Ports;
  readonly slots: PartSlots;
  close(): void;
}

function connectTo(
  sandbox: Cloud,
  options: WorldOptions,
  own: { journal: Journal; sourceOf: Ports['sourceOf']; emit: Ports['emit'] },
): Connected {
  const route = createRoute({ endpoint: new URL(sandbox.origin), proxies: {} });
  const clock = createClock();
  const { secretId, secretKey } = sandbox;
  const common = {
    credentials: async () => ({ secretId, secretKey: options.secretKey ?? secretKey }),
    route,
    clock,
    // Waits are kept short by a generator of small random numbers.
    policy: {
      retries: options.retries ?? 6,
      budget: createRetryBudget(100_000, 60_000),
      random: () => 0.01,
    },
    stallTimeoutMs: options.stallTimeoutMs ?? 2000,
  };
  const vod = createVod({
    ...common,
    host: 'vod.tencentcloudapi.com',
    region: 'ap-guangzhou',
    pacer: createPacer(options.apiRate ?? 1000),
    findPausesMs: [10, 20],
  });
  const cos = createCos({ ...common, verification: 'crc64' });
  const slots = createPartSlots(options.slots ?? 8);
  const partSize = options.partSize ?? MIB;
  const ports: Ports = {
    ...own,
    vod,
    cos,
    slots,
    now: options.now ?? clock.now,
    localNow: () => new Date(),
    partSize,
    dropsCovers: false,
    finishes: false,
  };
  return { ports, slots, close: () => route.close() };
}

/** Knows how many of its sources were read from and not closed. */
function countOpenFiles(): { readonly sourceOf: Ports['sourceOf']; count(): number } {
  const open = new Set<Source>();
  return {
    count: () => open.size,
    sourceOf(file) {
      const source = sourceOf(file);
      return {
        ...source,
        read(into, position) {
          open.add(source);
          return source.read(into, position);
        },
        close() {
          open.delete(source);
          source.close();
        },
      };
    },
  };
}

async function* planOf(jobs: readonly Job[]): AsyncGenerator<PlanItem> {
  for (const job of jobs) yield { status: 'planned', job };
}

/** The job that a plan would make of this file. */
export async function jobOf(path: string, cover?: string): Promise<Job> {
  const media = await lookAt(path);
  return {
    id: `${media.inode}-${media.size}-${media.mtimeNs}` as JobId,
    media,
    segments: [],
    ...(cover === undefined ? {} : { cover: await lookAt(cover) }),
    request: {
      mediaType: extname(path).slice(1),
      mediaName: basename(path, extname(path)),
      ...(cover === undefined ? {} : { coverType: extname(cover).slice(1) }),
    },
  };
}

async function lookAt(path: string): Promise<SourceFile> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return { path, realPath: path, size: Number(size), mtimeNs, inode: ino };
}
