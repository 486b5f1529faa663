/**
 * `npm run test:soak`: kills by the thousand, with random files, moments and faults. Every episode
 * is told with its seed; `--seed <text> --episode <n>` plays one of them again.
 */
import { parseArgs } from 'node:util';
import { playBig } from './big.js';
import { playEpisode } from './episode.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now()) },
    kills: { type: 'string', default: '1000' },
    episode: { type: 'string' },
    /** Large files with the default flags instead, killed every 0.3 to 3 s. */
    big: { type: 'boolean', default: false },
    /** With --big: what else to type. */
    flag: { type: 'string', multiple: true, default: [] },
  },
});

const RUNS_AN_EPISODE = 24;

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function playMany(): Promise<boolean> {
  let kills = 0;
  let isWell = true;
  const wanted = values.episode === undefined ? Number(values.kills) : 1;
  const wastes: number[] = [];
  for (let number = Number(values.episode ?? 1); kills < wanted; number++) {
    const seed = `${values.seed}/${number}`;
    const episode = await playEpisode(seed, RUNS_AN_EPISODE);
    kills += episode.kills;
    wastes.push(episode.waste);
    isWell &&= episode.complaints.length === 0;
    tell(
      `${seed}: ${episode.kills} kills, waste ${episode.waste.toFixed(3)}, faults ${episode.faults.join(' ') || 'none'}`,
    );
    for (const complaint of episode.complaints) tell(`  NOT WELL: ${complaint}`);
    if (values.episode !== undefined) break;
  }
  tell(
    `${kills} kills, most waste ${Math.max(...wastes).toFixed(3)}: ${isWell ? 'well' : 'NOT WELL'}`,
  );
  return isWell;
}

const isWell = values.big ? await playBig(values.seed, values.flag, tell) : await playMany();
process.exitCode = isWell ? 0 : 1;
