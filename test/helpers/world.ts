import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import type { UploadEvent } from '../../src/core/events.js';
import type { JobId } from '../../src/core/ids.js';
import type { Job, Outcome, PlanItem, SourceFile } from '../../src/core/model.js';
import type { Cos, Ports, Vod } from '../../src/core/ports.js';
import { createCos } from '../../src/cos/client.js';
import { createClock } from '../../src/net/clock.js';
import { createPacer } from '../../src/net/pacer.js';
import { createRetryBudget } from '../../src/net/retry.js';
import { createRoute } from '../../src/net/route.js';
import { createPartSlots, type PartSlotControl } from '../../src/pipeline/part-slots.js';
import { uploadAll } from '../../src/pipeline/upload-all.js';
import { openSource } from '../../src/plan/open-source.js';
import { parseFaultRule } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/sandbox.js';
import { createVod } from '../../src/vod/client.js';
import { createMemoryJournal, type MemoryJournal } from './memory-journal.js';

export const MIB = 1024 * 1024;

/** The real clients and pipeline against a sandbox in this process; one thing at a time is broken. */
export interface TestWorld {
  readonly dir: string;
  readonly sandbox: Sandbox;
  readonly journal: MemoryJournal;
  readonly vod: Vod;
  readonly cos: Cos;
  readonly slots: PartSlotControl;
  readonly events: UploadEvent[];
  readonly ports: Ports;
  /** Uploads the jobs; resolves to one outcome each, in the order in which they settled. */
  run(jobs: readonly Job[], options?: RunOptions): Promise<Outcome[]>;
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
  readonly localNow?: () => number;
}

export async function createWorld(options: WorldOptions = {}): Promise<TestWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'vod-upload-'));
  const sandbox = await startSandbox({
    dir: join(dir, 'cloud'),
    apiRateLimit: 10_000,
    faults: (options.faults ?? []).map(parseFaultRule),
    ...options.sandbox,
  });
  const endpoint = new URL(sandbox.origin);
  const route = createRoute({ endpoint, proxies: {} });
  const clock = createClock(options.localNow);
  const common = {
    route,
    clock,
    // Waits are kept short by a generator of small random numbers.
    policy: { retries: options.retries ?? 6, budget: createRetryBudget(100), random: () => 0.01 },
    stallTimeoutMs: options.stallTimeoutMs ?? 2000,
  };
  const vod = createVod({
    ...common,
    host: 'vod.tencentcloudapi.com',
    region: 'ap-guangzhou',
    credentials: async () => ({
      secretId: sandbox.secretId,
      secretKey: options.secretKey ?? sandbox.secretKey,
    }),
    pacer: createPacer(options.apiRate ?? 1000),
  });
  const cos = createCos({ ...common, verification: 'crc64' });
  const slots = createPartSlots(options.slots ?? 8);
  const journal = createMemoryJournal();
  const events: UploadEvent[] = [];
  const ports: Ports = {
    vod,
    cos,
    journal,
    openFile: openSource,
    slots,
    emit: (event) => void events.push(event),
    now: clock.now,
    partSize: options.partSize ?? MIB,
  };
  return {
    dir,
    sandbox,
    journal,
    vod,
    cos,
    slots,
    events,
    ports,
    async run(jobs, runOptions = {}) {
      const outcomes: Outcome[] = [];
      await uploadAll(
        planOf(jobs),
        ports,
        { record: async (outcome) => void outcomes.push(outcome) },
        {
          concurrency: runOptions.concurrency ?? 4,
          stop: runOptions.stop ?? new AbortController().signal,
          abort: runOptions.abort ?? new AbortController().signal,
          drainMs: 500,
        },
      );
      return outcomes;
    },
    async close() {
      route.close();
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function* planOf(jobs: readonly Job[]): AsyncGenerator<PlanItem> {
  for (const job of jobs) yield { kind: 'job', job };
}

/** The job that a plan would make of this file. */
export async function jobOf(path: string, cover?: string): Promise<Job> {
  const media = await sourceOf(path);
  return {
    id: `${media.inode}-${media.size}-${media.mtimeNs}` as JobId,
    media,
    segments: [],
    ...(cover === undefined ? {} : { cover: await sourceOf(cover) }),
    request: {
      mediaType: extname(path).slice(1),
      mediaName: basename(path, extname(path)),
      ...(cover === undefined ? {} : { coverType: extname(cover).slice(1) }),
    },
  };
}

async function sourceOf(path: string): Promise<SourceFile> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return { path, realPath: path, size: Number(size), mtimeNs, inode: ino };
}
