import { setTimeout as sleep } from 'node:timers/promises';
import { audit } from '../helpers/kill-audit.js';
import { createDice } from '../helpers/kill-dice.js';
import { createKillWorld } from '../helpers/kill-world.js';

const MB = 1_000_000;
const FILES = 10;

/** Ten files of 20 to 300 MB go up with the default flags, killed at random until they are there. */
export async function playBig(
  seed: string,
  flags: readonly string[],
  tell: (line: string) => void,
): Promise<boolean> {
  const dice = createDice(seed);
  const world = await createKillWorld();
  try {
    for (let index = 0; index < FILES; index++) {
      await world.write(
        { path: `videos/${index}.mp4` },
        { media: dice.whole(20 * MB, 300 * MB) },
        dice,
      );
    }
    for (let isDone = false; !isDone;) {
      const afterMs = dice.whole(300, 3000);
      const { code, signal, stderr } = await world.runUntil(['videos', ...flags], () =>
        sleep(afterMs),
      );
      const trace = world.traces.at(-1);
      const sent = trace?.requests.filter(({ operation }) => operation === 'UploadPart') ?? [];
      const cut = sent.filter(({ status }) => status !== 200);
      const bytes = (records: typeof sent): number =>
        Math.round(records.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0) / MB);
      tell(
        `${afterMs} ms: ${sent.length} parts, ${bytes(sent)} MB, cut short ${cut.length}, ${bytes(cut)} MB ${signal ?? code}`,
      );
      if (signal === null && code !== 0) tell(stderr);
      isDone = signal === null;
    }
    const { complaints, waste } = await audit(world);
    for (const complaint of complaints) tell(`NOT WELL: ${complaint}`);
    const kills = world.traces.filter(({ ran }) => ran.signal === 'SIGKILL').length;
    tell(`seed ${seed}: ${kills} kills, waste ratio ${waste.toFixed(3)}`);
    return complaints.length === 0;
  } finally {
    await world.close();
  }
}
