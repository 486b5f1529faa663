import { setTimeout as sleep } from 'node:timers/promises';
import { audit } from '../helpers/kill-audit.js';
import { createDice, type Dice } from '../helpers/kill-dice.js';
import { createKillWorld, heldAt, type KillWorld, type Life } from '../helpers/kill-world.js';

const MIB = 1024 * 1024;
/** Runs that may be needed at the end, since faults go on while the last files are sent. */
const LAST_RUNS = 6;

/** What the cloud does wrong meanwhile; each episode draws some. */
const FAULTS: readonly string[] = [
  '*:reset@0.02',
  'ApplyUpload:lost@0.1',
  'ApplyUpload:RequestLimitExceeded@0.2',
  'CommitUpload:InternalError@0.2',
  'CommitUpload:hang@0.1',
  'CommitUpload:lost@0.3',
  'CompleteMultipartUpload:delay=150@0.5',
  'CompleteMultipartUpload:error-200@0.2',
  'CompleteMultipartUpload:lost@0.3',
  'InitiateMultipartUpload:503@0.3',
  'InitiateMultipartUpload:lost@0.3',
  'ListParts:503@0.3',
  'PutObject:cut-200@0.1',
  'PutObject:lost@0.1',
  'UploadPart:bad-etag@0.05',
  'UploadPart:delay=80@0.5',
  'UploadPart:hang-body@0.02',
  'UploadPart:lost@0.1',
  'UploadPart:reset-body@0.1',
  'UploadPart:SlowDown@0.1',
];

const HELD: readonly string[] = [
  'ApplyUpload:hang',
  'ApplyUpload:hang-after',
  'PutObject:hang',
  'PutObject:hang-after',
  'InitiateMultipartUpload:hang',
  'InitiateMultipartUpload:hang-after',
  'UploadPart:hang',
  'UploadPart:hang-after',
  'ListParts:hang',
  'CompleteMultipartUpload:hang',
  'CompleteMultipartUpload:hang-after',
  'CommitUpload:hang',
  'CommitUpload:hang-after',
];
/** A phase that a run does not come to is not waited for longer. */
const HELD_MS = 1_500;

export interface Episode {
  readonly kills: number;
  readonly waste: number;
  readonly faults: readonly string[];
  readonly complaints: readonly string[];
}

/** One cloud, and files as long as there are runs to kill; the same seed draws the same. */
export async function playEpisode(seed: string, runs: number): Promise<Episode> {
  const dice = createDice(seed);
  const faults = FAULTS.filter(() => dice.fraction() < 0.2);
  const world = await createKillWorld(faults);
  try {
    await writeTitles(world, dice);
    const args = [
      ...['videos', '--part-size', '1M', '--stall-timeout', '2s', '--retries', '4'],
      ...['--part-concurrency', dice.pick(['auto', '1', '3', '16'])],
      ...['--verify', dice.pick(['crc64', 'crc64', 'md5', 'none'])],
      ...(dice.fraction() < 0.3 ? ['-c', String(dice.whole(1, 9))] : []),
    ];
    for (let run = 0; run < runs; run++) {
      const { code } = await world.runUntil(args, drawMoment(world, dice));
      if (code === 0) await writeTitles(world, dice);
    }
    const complaints = await finish(world, args);
    const { waste, complaints: found } = await audit(world);
    const killed = world.traces.filter(({ ran }) => ran.signal === 'SIGKILL').length;
    return { kills: killed, waste, faults, complaints: [...complaints, ...found] };
  } finally {
    await world.close();
  }
}

async function finish(world: KillWorld, args: readonly string[]): Promise<string[]> {
  for (let run = 1; ; run++) {
    const { code, stderr } = await world.run(args);
    if (code === 0) return [];
    if (code !== 8 || run === LAST_RUNS) return [`the last run ended with ${code}: ${stderr}`];
  }
}

/** Some more of every kind. */
async function writeTitles(world: KillWorld, dice: Dice): Promise<void> {
  const from = world.titles.length;
  const count = dice.whole(1, 9);
  for (let index = from; index < from + count; index++) {
    const path = `videos/${index}.mp4`;
    const sizes = {
      media: dice.pick([dice.whole(1, 5000), dice.whole(1, 7 * MIB), dice.whole(1, 4) * MIB]),
      other: dice.whole(1, 5000),
    };
    const kind = dice.fraction();
    if (kind < 0.6) await world.write({ path }, sizes, dice);
    else if (kind < 0.8) {
      await world.write({ path, cover: `videos/${index}.jpg` }, sizes, dice);
    } else {
      const segments = Array.from(
        { length: dice.pick([dice.whole(1, 4), dice.whole(1, 4), dice.whole(65, 130)]) },
        (_none, number) => `videos/s${index}/${number}.ts`,
      );
      await world.write({ path: `videos/${index}.m3u8`, segments }, sizes, dice);
    }
  }
}

/** When to kill: after so many requests, after so long, or while a request is held. */
function drawMoment(world: KillWorld, dice: Dice): (life: Life) => Promise<void> {
  const kind = dice.fraction();
  if (kind < 0.2) {
    const afterMs = dice.whole(0, 1200);
    return () => sleep(afterMs);
  }
  const [arrived, moreMs, rule] = [dice.whole(0, 12), dice.whole(0, 30), dice.pick(HELD)];
  if (kind < 0.7) {
    return async (life) => {
      await life.until(() => life.requests().length >= arrived);
      await sleep(moreMs);
    };
  }
  return (life) =>
    Promise.race([heldAt(world, life, { rule, isDone: rule.endsWith('-after') }), sleep(HELD_MS)]);
}
