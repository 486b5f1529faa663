import { Option, type Command } from 'commander';
import type { RateTimetable } from '../core/rate-timetable.js';
import type { MediaOptions } from '../plan/plan.js';
import {
  autoOr,
  between,
  collect,
  collectNamed,
  duration,
  hostName,
  named,
  namedOnce,
  natural,
  origin,
  partSize,
  proxyAddress,
  rate,
  rateTimetable,
  region,
  timeout,
  timerDuration,
} from './flag-values.js';

/** The flags of `upload`, as commander hands them over. */
export interface UploadFlags extends MediaOptions {
  readonly filesFrom?: string;
  readonly filesFrom0?: string;
  readonly jobs?: string;
  readonly exclude: readonly string[];
  readonly excludeFrom: readonly string[];
  readonly includeHidden: boolean;
  readonly followSymlinks: boolean;
  readonly minAge: number;
  readonly order?: 'name' | 'smallest' | 'largest' | 'oldest' | 'mixed';
  readonly allowEmpty: boolean;
  readonly covers?: 'auto' | 'off' | 'required';
  readonly cover?: string;
  readonly coverDir?: string;
  readonly coverFailure: 'fail' | 'drop';
  readonly images: 'skip' | 'media';
  readonly concurrency: number | 'auto';
  readonly partConcurrency: number | 'auto';
  readonly partSize: number | 'auto';
  readonly limitRate?: RateTimetable;
  readonly apiRate: number;
  readonly retries: number;
  readonly stallTimeout: number;
  readonly verify: 'crc64' | 'md5' | 'none';
  readonly checksum: boolean;
  readonly force: boolean;
  readonly resume: boolean;
  readonly failFast: boolean;
  readonly maxErrors?: number;
  readonly maxDuration?: number;
  readonly dryRun: boolean;
  /** false: --no-manifest. */
  readonly manifest: string | false;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly profile?: string;
  readonly region?: string;
  readonly vodHost?: string;
  readonly proxy?: string;
  readonly vodEndpoint?: URL;
  readonly cosEndpoint?: URL;
  readonly sandbox?: string | true;
  readonly stateDir?: string;
}

/**
 * Adds the flags that say how to transfer, what to print and where to connect. Those whose long names do not
 * match are taken, since scripts give all commands the same flags, and not shown.
 */
export function addRunOptions(command: Command, shown: RegExp): Command {
  const options = [coverFailure(), ...transferOptions(), ...outputOptions(), ...networkOptions()];
  for (const option of options) {
    if (/dry-run|sandbox|checksum/.test(option.flags)) continue;
    command.addOption(option.hideHelp(!shown.test(option.name())));
  }
  return command;
}

/** Adds the flags of `upload`, with their checks and defaults. */
export function addUploadOptions(command: Command): Command {
  const groups: readonly (readonly [string, readonly Option[]])[] = [
    ['Inputs:', inputOptions()],
    ['Covers:', coverOptions()],
    ['What the media becomes:', mediaOptions()],
    ['Transfer:', transferOptions()],
    ['Output:', outputOptions()],
    ['Account and network:', networkOptions()],
  ];
  for (const [heading, options] of groups) {
    for (const option of options) command.addOption(option.helpGroup(heading));
  }
  return command;
}

function inputOptions(): Option[] {
  return [
    new Option('--files-from <file>', 'read paths from a file, one a line (- is stdin)').argParser(
      namedOnce,
    ),
    new Option(
      '--files-from0 <file>',
      'the same, NUL-separated as find -print0 writes them',
    ).argParser(namedOnce),
    new Option(
      '--jobs <file>',
      'a job list: CSV, JSON or JSON Lines; a manifest is one (- is stdin)',
    ).argParser(namedOnce),
    new Option(
      '--exclude <glob>',
      'leave out what matches, and all in directories that do; wins over inputs; repeatable',
    )
      .argParser(collect)
      .default([], 'none'),
    new Option('--exclude-from <file>', 'read such globs from a file (- is stdin); repeatable')
      .argParser(collectNamed)
      .default([], 'none'),
    new Option('--include-hidden', 'take hidden files and directories too').default(false, 'off'),
    new Option('--follow-symlinks', 'enter symlinked directories too').default(false, 'off'),
    new Option('--min-age <duration>', 'leave out files changed more recently, e.g. 5m')
      .argParser(duration)
      .default(0, '0s'),
    new Option(
      '--order <order>',
      'the order in which files begin (default: by name; lists as they are)',
    ).choices(['name', 'smallest', 'largest', 'oldest', 'mixed']),
    new Option('--allow-empty', 'nothing to do is success, not exit code 4').default(false, 'off'),
  ];
}

function coverOptions(): Option[] {
  return [
    new Option(
      '--covers <mode>',
      'pair a.jpg, a.cover.jpg or a-cover.jpg with a.mp4 (default: auto; for a manifest as it was)',
    ).choices(['auto', 'off', 'required']),
    new Option('--cover <file>', 'one cover for all').argParser(named),
    new Option('--cover-dir <dir>', 'look for covers there too').argParser(namedOnce),
    coverFailure(),
    new Option('--images <mode>', 'what becomes of images that pair with no video')
      .choices(['skip', 'media'])
      .default('skip'),
  ];
}

function coverFailure(): Option {
  return new Option(
    '--cover-failure <mode>',
    'what a cover that cannot be uploaded does to its job',
  )
    .choices(['fail', 'drop'])
    .default('fail', 'fail; drop: the media is uploaded anew without it');
}

function mediaOptions(): Option[] {
  return [
    new Option('--procedure <name>', 'task flow to run on each media').argParser(named),
    new Option('--storage-region <region>', 'where the media is stored').argParser(region),
    new Option('--sub-app-id <id>', 'sub-application (env VOD_SUB_APP_ID)').argParser(natural),
    new Option('--class-id <id>', 'class of the media').argParser(natural),
    new Option(
      '--name <template>',
      'media name; {stem} {name} {ext} {dir} {parent} {index} {date}',
    ),
    new Option(
      '--storage-path <template>',
      'storage path, for applications in "FileID + Path" mode',
    ),
    new Option('--expire-time <when>', 'when the media expires: ISO date or duration'),
    new Option('--source-context <text>', 'passed through to upload notifications').argParser(
      named,
    ),
    new Option('--session-context <text>', 'passed through to processing notifications').argParser(
      named,
    ),
    new Option('--ext-info <text>', 'reserved by the API').argParser(named),
    new Option('--media-type <ext>', 'type of every media, whatever its extension'),
    new Option('--cover-type <ext>', 'type of every cover, whatever its extension'),
  ];
}

function transferOptions(): Option[] {
  return [
    new Option('-c, --concurrency <n|auto>', 'files in flight')
      .argParser(autoOr(between(1, 1024)))
      .default('auto', 'auto: as many as keep the connections busy, at least 4'),
    new Option('--part-concurrency <n|auto>', 'connections carrying bytes, over all files')
      .argParser(autoOr(between(1, 1024)))
      .default('auto', 'auto: climbs from 2 while throughput rises, at most 64'),
    new Option(
      '--part-size <size|auto>',
      'bytes of a part; files up to one part go by a single PUT',
    )
      .argParser(autoOr(partSize))
      .default(
        'auto',
        'auto: 8MiB; 4MiB upwards from 64 to 512MiB, 32MiB over fast connections, more where 10,000 parts would not do',
      ),
    new Option(
      '--limit-rate <rate>',
      'bytes a second: 10M, or by time "08:00,10M 19:00,off"',
    ).argParser(rateTimetable),
    new Option('--api-rate <n>', 'VOD API calls a second').argParser(rate).default(50),
    new Option('--retries <n>', 'how often a request is repeated')
      .argParser(between(0, 100))
      .default(6),
    new Option('--stall-timeout <duration>', 'no byte moved for this long: drop and retry')
      .argParser(timeout)
      .default(30_000, '30s'),
    new Option('--verify <kind>', 'end-to-end check of each part and the whole')
      .choices(['crc64', 'md5', 'none'])
      .default('crc64'),
    new Option('--checksum', 'decide "already uploaded" by content, not by size and mtime').default(
      false,
      'off',
    ),
    new Option('--force', 'upload even what was uploaded before').default(false, 'off'),
    new Option('--no-resume', 'do not go on with unfinished uploads of earlier runs'),
    new Option('--fail-fast', 'begin no new file once one has failed').default(false, 'off'),
    new Option('--max-errors <n>', 'begin no new file once n have failed').argParser(
      between(1, 1e9),
    ),
    new Option(
      '--max-duration <duration>',
      'begin no new file after this long; what is under way goes on',
    ).argParser(timerDuration),
    new Option('--dry-run', 'print the plan; no request is made, nothing is written').default(
      false,
      'off',
    ),
    new Option('--state-dir <dir>', 'where unfinished uploads are remembered').argParser(named),
  ];
}

function outputOptions(): Option[] {
  return [
    new Option('--manifest <file>', 'result manifest: .json, .jsonl or .csv').default(
      'vod-upload-manifest.json',
    ),
    new Option('--no-manifest', 'write no manifest'),
    new Option('--json', 'events as JSON Lines on stdout').default(false, 'off'),
    new Option(
      '-q, --quiet',
      'say nothing on stderr unless something fails or there is nothing to upload',
    ).default(false, 'off'),
    new Option('-v, --verbose', 'explain retries and resumes').default(false, 'off'),
  ];
}

function networkOptions(): Option[] {
  return [
    new Option('--profile <name>', 'credentials and settings of this profile'),
    new Option('--region <region>', 'access region of the API (env TENCENTCLOUD_REGION)').argParser(
      region,
    ),
    new Option('--vod-host <host>', 'name of the API, e.g. vod.intl.tencentcloudapi.com').argParser(
      hostName,
    ),
    new Option(
      '--proxy <url>',
      'HTTP proxy for all traffic, before HTTPS_PROXY and its like',
    ).argParser(proxyAddress),
    new Option('--vod-endpoint <origin>', 'connect there for the API, e.g. http://127.0.0.1:9000')
      .argParser(origin)
      .env('VOD_UPLOAD_VOD_ENDPOINT'),
    new Option('--cos-endpoint <origin>', 'connect there for COS')
      .argParser(origin)
      .env('VOD_UPLOAD_COS_ENDPOINT'),
    new Option(
      '--sandbox [dir]',
      'use a local server with test keys that stores objects in dir',
    ).argParser(named),
  ];
}
