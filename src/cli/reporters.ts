import type { Emit } from '../core/events.js';
import { toRecord } from '../manifest/record.js';
import { createJsonLines } from '../report/json.js';
import { createLines } from '../report/lines.js';
import { createQuiet } from '../report/quiet.js';
import type { Reporter } from '../report/reporter.js';
import { createResults } from '../report/results.js';
import type { UploadFlags } from './upload-options.js';
import type { World } from './world.js';

/** Everyone who listens to a run: one for programs on stdout, one for people on stderr. */
export async function createReporters(
  flags: UploadFlags,
  world: World,
): Promise<{ readonly emit: Emit; stop(): void }> {
  const now = (): Date => new Date();
  const reporters: Reporter[] = [
    flags.json
      ? createJsonLines({ stream: world.stdout, now, toRecord })
      : createResults({ stream: world.stdout }),
    flags.quiet ? createQuiet({ stream: world.stderr }) : await forPeople(flags, world, now),
  ];
  return {
    emit: (event) => reporters.forEach((reporter) => reporter.handle(event)),
    stop: () => reporters.forEach((reporter) => reporter.stop()),
  };
}

async function forPeople(flags: UploadFlags, world: World, now: () => Date): Promise<Reporter> {
  const { stderr, env } = world;
  const common = {
    stream: stderr,
    now,
    verbose: flags.verbose,
    ...(flags.manifest === false ? {} : { manifest: flags.manifest }),
  };
  if (stderr.isTTY !== true || env['TERM'] === 'dumb') return createLines(common);
  const { createBars } = await import('../report/bars.js');
  return createBars({
    ...common,
    columns: () => stderr.columns ?? 0,
    rows: () => stderr.rows ?? 0,
    colour: !env['NO_COLOR'],
  });
}
