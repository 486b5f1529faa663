import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { UsageError } from '../../src/core/errors.js';
import type { Job, PlanItem } from '../../src/core/model.js';
import { planUploads, type PlanOptions } from '../../src/plan/plan.js';

/** A temporary directory in which a test plans. */
export interface PlanWorld {
  readonly dir: string;
  readonly warnings: string[];
  /** Writes files: name → contents, or `null` for a directory. */
  write(files: Readonly<Record<string, string | null>>): Promise<void>;
  at(name: string): string;
  /** Writes a job list; the options that plan from it. */
  jobList(
    name: string,
    list: string | Buffer,
    options?: Partial<PlanOptions>,
  ): Promise<Partial<PlanOptions>>;
  /** What `plan` and the others start from. */
  options(inputs: readonly string[], options?: Partial<PlanOptions>): PlanOptions;
  /** All items of the plan. */
  plan(inputs: readonly string[], options?: Partial<PlanOptions>): Promise<PlanItem[]>;
  /** One line an item: `a.mp4`, `a.mp4 (empty)`, `a.mp4 (source-missing)`. */
  lines(inputs: readonly string[], options?: Partial<PlanOptions>): Promise<string[]>;
  jobs(inputs: readonly string[], options?: Partial<PlanOptions>): Promise<Job[]>;
  /** The messages of the usage error; none where the plan was made. */
  problems(inputs: readonly string[], options?: Partial<PlanOptions>): Promise<string[]>;
  remove(): Promise<void>;
}

export async function createPlanWorld(): Promise<PlanWorld> {
  const dir = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'plan-')));
  const warnings: string[] = [];
  const complete: PlanWorld['options'] = (inputs, options = {}) => ({
    inputs,
    cwd: dir,
    stdin: Readable.from([]),
    exclude: [],
    includeHidden: false,
    followSymlinks: false,
    ownDirectories: [],
    minAgeMs: 0,
    now: new Date(),
    images: 'skip',
    media: {},
    allowEmpty: false,
    scope: 'vod.example',
    warn: (message) => void warnings.push(message),
    ...options,
  });
  const plan: PlanWorld['plan'] = async (inputs, options = {}) => {
    const items: PlanItem[] = [];
    const signal = new AbortController().signal;
    for await (const item of await planUploads(complete(inputs, options), signal)) items.push(item);
    return items;
  };
  return {
    dir,
    warnings,
    plan,
    options: complete,
    at: (name) => path.join(dir, name),
    async jobList(name, list, options) {
      await fs.writeFile(path.join(dir, name), list);
      return { jobs: name, ...options };
    },
    async write(files) {
      for (const [name, contents] of Object.entries(files)) {
        const file = path.join(dir, name);
        await fs.mkdir(contents === null ? file : path.dirname(file), { recursive: true });
        if (contents !== null) await fs.writeFile(file, contents);
      }
    },
    lines: async (inputs, options) => (await plan(inputs, options)).map(lineOf),
    async jobs(inputs, options) {
      const items = await plan(inputs, options);
      return items.flatMap((item) => (item.status === 'planned' ? [item.job] : []));
    },
    async problems(inputs, options) {
      try {
        await plan(inputs, options);
        return [];
      } catch (error) {
        if (error instanceof UsageError) return error.problems.map((problem) => problem.message);
        throw error;
      }
    },
    remove: () => fs.rm(dir, { recursive: true, force: true }),
  };
}

/** The columns of an item's row that are none of the plan's. */
export function extraOf(item: PlanItem | undefined): unknown {
  assert.ok(item);
  return item.status === 'planned' ? item.job.extra : item.extra;
}

function lineOf(item: PlanItem): string {
  if (item.status === 'planned') return item.job.media.path;
  return `${item.path} (${item.status === 'skipped' ? item.reason : item.failure.code})`;
}

/** Lets this process open no more files until what it returns is called. */
export function exhaustDescriptors(): () => void {
  const prlimit = (...args: string[]): string =>
    execFileSync('prlimit', ['--pid', String(process.pid), ...args], { encoding: 'utf8' }).trim();
  const usual = prlimit('--nofile', '--raw', '--noheadings', '--output=SOFT');
  prlimit('--nofile=128:');
  const opened: number[] = [];
  try {
    for (;;) opened.push(openSync('/dev/null', 'r'));
  } catch {
    // There are no more.
  }
  return () => {
    opened.forEach((descriptor) => closeSync(descriptor));
    prlimit(`--nofile=${usual}:`);
  };
}

/** A user without any rights. */
export const NOBODY = 65_534;

/** What the work comes to where permissions count, which they do not for the superuser. */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}
