import { FAILURES } from '../core/errors.js';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

const text = { type: 'string' } as const;
const textOrNull = { type: ['string', 'null'] } as const;
const count = { type: 'integer', minimum: 0 } as const;
const countOrNull = { type: ['integer', 'null'], minimum: 0 } as const;
const time = { type: 'string', format: 'date-time' } as const;
const timeOrNull = { type: ['string', 'null'], format: 'date-time' } as const;
const digitsOrNull = { type: ['string', 'null'], pattern: '^[0-9]+$' } as const;

const STAGES = [
  'plan',
  'apply',
  'upload-media',
  'upload-cover',
  'upload-segment',
  'commit',
  'wait',
] as const;

/** An object that has all of these keys, and may have more in later versions. */
function object<Properties extends Readonly<Record<string, unknown>>>(properties: Properties) {
  return { type: 'object', required: Object.keys(properties), properties } as const;
}

function nullable<Schema>(schema: Schema) {
  return { anyOf: [{ type: 'null' }, schema] } as const;
}

const summary = object({
  total: count,
  uploaded: count,
  skipped: count,
  failed: count,
  interrupted: count,
  unknown: count,
  bytes: { ...count, description: 'Sum of the sizes of all records.' },
  bytesSent: { ...count, description: 'Acknowledged bytes of this run.' },
});

const error = object({
  stage: { enum: [...STAGES, null] },
  code: { enum: Object.keys(FAILURES) },
  message: text,
  hint: text,
  requestId: textOrNull,
  retryable: { type: 'boolean' },
  serviceCode: textOrNull,
});

const record = object({
  path: text,
  status: { enum: ['uploaded', 'skipped', 'failed', 'interrupted', 'unknown'] },
  reason: {
    enum: [
      'already-uploaded',
      'duplicate',
      'held-by-other-run',
      'too-young',
      'empty',
      'temporary-name',
      'unpaired-image',
      null,
    ],
  },
  size: countOrNull,
  mtime: timeOrNull,
  crc64: digitsOrNull,
  fileId: { ...textOrNull, description: 'A string: FileIds exceed 2^53.' },
  mediaUrl: textOrNull,
  coverUrl: textOrNull,
  name: textOrNull,
  mediaType: textOrNull,
  cover: nullable(object({ path: text, size: count, crc64: digitsOrNull })),
  storage: nullable(object({ bucket: text, region: text, path: text })),
  procedure: textOrNull,
  task: object({ id: textOrNull, status: textOrNull, subtasks: { type: 'array' } }),
  bytesSent: count,
  bytesResumed: count,
  attempts: count,
  startedAt: timeOrNull,
  finishedAt: timeOrNull,
  durationMs: countOrNull,
  requestIds: object({ apply: textOrNull, commit: textOrNull }),
  error: nullable({ $ref: '#/$defs/error' }),
});

/** JSON Schema of the JSON manifest; a line of the JSON Lines manifest is its `$defs/record`. */
export const manifestSchema = {
  $schema: DIALECT,
  $id: 'urn:vod-upload:manifest:1',
  title: 'vod-upload manifest',
  ...object({
    schema: { const: 1 },
    tool: object({ name: text, version: text }),
    runId: text,
    startedAt: time,
    options: { type: 'object' },
    results: { type: 'array', items: { $ref: '#/$defs/record' } },
    finishedAt: time,
    durationMs: count,
    exitCode: count,
    summary: { $ref: '#/$defs/summary' },
  }),
  $defs: { record, error, summary },
} as const;

/** What every event has, whatever its type. */
function event<Type extends string, Properties extends Readonly<Record<string, unknown>>>(
  type: Type,
  properties: Properties,
) {
  return object({ type: { const: type }, time, schema: { const: 1 }, ...properties });
}

/** JSON Schema of one line of the output of `--json`. */
export const eventsSchema = {
  $schema: DIALECT,
  $id: 'urn:vod-upload:events:1',
  title: 'vod-upload event',
  oneOf: [
    event('job-planned', {
      action: {
        enum: ['upload', 'resume', 'skip', 'fail'],
        description: 'What --dry-run would do.',
      },
      path: text,
    }),
    event('plan-finished', {
      jobs: count,
      resumed: {
        ...count,
        description:
          'Of the jobs, those whose unfinished upload is gone on with: of bytes and cosRequests they need no more.',
      },
      skipped: count,
      known: { ...count, description: 'Of those skipped, what was uploaded before.' },
      failed: count,
      bytes: count,
      apiCalls: count,
      cosRequests: count,
    }),
    event('run-started', { runId: text, startedAt: time }),
    event('job-started', { id: text, path: text, size: count }),
    event('job-progress', {
      id: text,
      path: text,
      bytesStored: { ...count, description: 'Bytes that the service has acknowledged.' },
      size: count,
    }),
    event('job-retried', {
      id: text,
      path: text,
      stage: { enum: STAGES },
      code: { enum: Object.keys(FAILURES) },
      message: text,
      attempt: count,
      waitMs: { type: 'number', minimum: 0 },
    }),
    {
      allOf: [event('job-settled', { id: textOrNull }), { $ref: '#/$defs/record' }],
    },
    event('run-finished', {
      exitCode: count,
      durationMs: count,
      summary: { $ref: '#/$defs/summary' },
    }),
  ],
  $defs: { record, error, summary },
} as const;
