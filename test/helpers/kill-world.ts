import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestRecord } from '../../src/sandbox/sandbox.js';
import { createCloudShell, type Cloud, type CloudShell } from './cloud.js';
import { createDice, type Dice } from './kill-dice.js';
import type { Ran, Running } from './run-cli.js';

const POLL_MS = 4;

/** One media and what goes along with it, as paths below the shell's directory. */
export interface Title {
  readonly path: string;
  readonly cover?: string;
  readonly segments?: readonly string[];
}

/** Parts that the cloud held when a run began: `key#number`. */
export type StoredParts = ReadonlySet<string>;

/** One run of the command, as the cloud saw it. */
export interface Trace {
  readonly storedBefore: StoredParts;
  readonly requests: readonly RequestRecord[];
  readonly ran: Ran;
}

/** A cloud, a shell and the runs so far: what a loop of kills works in, and what is judged after it. */
export interface KillWorld {
  readonly cloud: Cloud;
  readonly shell: CloudShell;
  readonly titles: Title[];
  readonly traces: Trace[];
  write(title: Title, sizes: { media: number; other?: number }, dice: Dice): Promise<void>;
  /** Runs the command to its own end. */
  run(args: readonly string[]): Promise<Ran>;
  /** Ends the command by SIGKILL when `moment` resolves, unless it ended before. */
  runUntil(args: readonly string[], moment: (life: Life) => Promise<void>): Promise<Ran>;
  close(): Promise<void>;
}

/** A run under way, for those who choose the moment of its death. */
export interface Life {
  readonly running: Running;
  /** What arrived from this run so far. */
  requests(): readonly RequestRecord[];
  /** Resolves once the condition holds; rejects where the run ends before. */
  until(condition: () => boolean): Promise<void>;
}

export async function createKillWorld(faults: readonly string[] = []): Promise<KillWorld> {
  const shell = await createCloudShell(faults);
  const { cloud } = shell;
  const titles: Title[] = [];
  const traces: Trace[] = [];

  const runUntil: KillWorld['runUntil'] = async (args, moment) => {
    const storedBefore = storedParts(cloud);
    const from = cloud.requests.length;
    const requests = (): readonly RequestRecord[] => cloud.requests.slice(from);
    const running = shell.start(args);
    let hasEnded = false;
    const ended = running.ended.then(() => (hasEnded = true));
    const life: Life = {
      running,
      requests,
      async until(condition) {
        while (!condition()) {
          if (hasEnded) throw new Error('the run ended before its moment came');
          await Promise.race([sleep(POLL_MS), ended]);
        }
      },
    };
    try {
      await Promise.race([moment(life), ended]);
    } finally {
      running.child.kill('SIGKILL');
    }
    const ran = await running.ended;
    traces.push({ storedBefore, requests: requests(), ran });
    return ran;
  };

  return {
    cloud,
    shell,
    titles,
    traces,
    runUntil,
    run: (args) => runUntil(args, () => new Promise(() => undefined)),
    async write(title, { media, other = 1000 }, dice) {
      const { path, cover, segments } = title;
      for (const file of [...(cover ? [cover] : []), ...(segments ?? [])]) {
        await shell.write(file, dice.bytes(other));
      }
      await shell.write(path, segments ? playlistOf(title) : dice.bytes(media));
      titles.push(title);
    },
    close: () => shell.close(),
  };
}

function playlistOf({ path, segments = [] }: Title): string {
  const folder = `${dirname(path)}/`;
  const lines = segments.map((segment) => `#EXTINF:4,\n${segment.slice(folder.length)}\n`);
  return `#EXTM3U\n#EXT-X-TARGETDURATION:4\n${lines.join('')}#EXT-X-ENDLIST\n`;
}

export function partName(key: string | undefined, number: number | undefined): string {
  return `${key}#${number}`;
}

export function storedParts(cloud: Cloud): StoredParts {
  return new Set(
    cloud
      .openUploads()
      .flatMap(({ key, parts }) => parts.map(({ number }) => partName(key, number))),
  );
}

/** Resolves once a request of the operation is held: before its deed, or after it. */
export async function heldAt(
  { cloud }: Pick<KillWorld, 'cloud'>,
  life: Life,
  hold: { readonly rule: string; readonly isDone: boolean },
): Promise<void> {
  cloud.fail(hold.rule);
  const before = { sessions: cloud.sessions().length, commits: commitsOf(cloud) };
  const held = (): RequestRecord | undefined => life.requests().find((one) => one.fault);
  await life.until(() => {
    const record = held();
    if (record === undefined) return false;
    return !hold.isDone || isDeedDone(cloud, record, life.requests(), before);
  });
}

function commitsOf(cloud: Cloud): number {
  return cloud.sessions().reduce((sum, { commits, repeats }) => sum + commits + repeats, 0);
}

/** Whether the cloud shows what the request was to bring about. */
function isDeedDone(
  cloud: Cloud,
  { operation, key = '', partNumber }: RequestRecord,
  requests: readonly RequestRecord[],
  before: { readonly sessions: number; readonly commits: number },
): boolean {
  const asked = requests.filter((one) => one.operation === operation).length;
  const upload = cloud.openUploads().find((one) => one.key === key);
  switch (operation) {
    case 'ApplyUpload':
      return cloud.sessions().length === before.sessions + asked;
    case 'CommitUpload':
      return commitsOf(cloud) === before.commits + asked;
    case 'InitiateMultipartUpload':
      return upload !== undefined;
    case 'UploadPart':
      return upload?.parts.some(({ number }) => number === partNumber) === true;
    case 'CompleteMultipartUpload':
      return upload === undefined;
    default:
      return existsSync(cloud.objectPath(key));
  }
}

/** The upload of a file of three parts was killed where the rule held it. */
export async function createKilled(
  t: TestContext,
  { rule = 'UploadPart#3:hang', path = 'film.mp4' } = {},
): Promise<KillWorld> {
  const world = await createKillWorld();
  t.after(() => world.close());
  await world.write({ path }, { media: 2 * 1024 * 1024 + 7 }, createDice(t.name));
  const killed = await world.runUntil([path, '--part-size', '1M'], (life) =>
    heldAt(world, life, { rule, isDone: rule.endsWith('-after') }),
  );
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  return world;
}

/** No upload is open, and none is known. */
export async function assertNothingIsLeft({ cloud, shell }: KillWorld): Promise<void> {
  assert.deepEqual(cloud.openUploads(), []);
  assert.equal((await shell.run(['jobs', 'list'])).stdout, '');
}
