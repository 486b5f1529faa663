import type { FailureCode } from '../../src/core/errors.js';
import type { FaultRow, RunRow } from './fault-row.js';
import { STORIES } from './fault-stories.js';

/** Of the large media. */
export const PARTS = 2;

/** What goes wrong once, anywhere, and must not be noticed in the result. */
const ANYWHERE = [
  'reset',
  'lost',
  'hang',
  'hang-after',
  'login-page',
  'garbage',
  '503*3',
  'skew=5400000',
];
/** The same, where every upload comes by. */
const ON_THE_WAY = [
  ...ANYWHERE,
  'error-200',
  'InternalError',
  'half-close',
  'slow-answer',
  'cut-200',
  '429',
  'interim',
  'reset-after',
  'close-after',
];
const COS_ONCE = ['SlowDown*3', 'RequestTimeTooSkewed'];
/** What an answer may tell of the bytes. */
const DIGEST_ONCE = ['bad-crc', 'no-crc', 'bad-etag'];
const VOD_ONCE = ['RequestLimitExceeded*3', 'AuthFailure.SignatureExpire', 'ResourceUnavailable'];
/** What can happen to a body, and how one that came broken is refused. */
const BODY_ONCE = [
  'reset-body',
  'hang-body',
  'early-503',
  'early-drip',
  'BadDigest',
  'IncompleteBody',
];

/** How each operation is brought about, and what besides can go wrong with it. */
const OPERATIONS: readonly {
  readonly name: string;
  readonly faults?: readonly string[];
  readonly first?: readonly RunRow[];
  readonly after?: readonly string[];
  readonly extraSessions?: number;
}[] = [
  { name: 'ApplyUpload', faults: VOD_ONCE },
  { name: 'CommitUpload', faults: VOD_ONCE },
  { name: 'PutObject', faults: [...COS_ONCE, ...DIGEST_ONCE, ...BODY_ONCE] },
  { name: 'InitiateMultipartUpload', faults: COS_ONCE },
  { name: 'UploadPart', faults: [...COS_ONCE, ...DIGEST_ONCE, ...BODY_ONCE] },
  { name: 'CompleteMultipartUpload', faults: [...COS_ONCE, ...DIGEST_ONCE] },
  {
    name: 'ListParts',
    faults: COS_ONCE,
    first: [{ rules: ['UploadPart#2:hang'], interruptAt: 'UploadPart', expected: 'interrupted' }],
  },
  {
    name: 'ListMultipartUploads',
    faults: COS_ONCE,
    after: ['InitiateMultipartUpload:lost'],
  },
  { name: 'HeadObject', faults: ['SlowDown*3', 'no-crc'], after: ['CompleteMultipartUpload:lost'] },
  {
    name: 'AbortMultipartUpload',
    faults: COS_ONCE,
    after: ['UploadPart#2:ExpiredToken'],
    extraSessions: 1,
  },
  {
    name: 'DescribeMediaInfos',
    faults: VOD_ONCE,
    after: ['CommitUpload:lost', 'CommitUpload:InvalidParameterValue.VodSessionKey'],
  },
];

function everyFaultOnce(): FaultRow[] {
  return OPERATIONS.flatMap(({ name, faults = [], first = [], after = [], extraSessions = 0 }) =>
    [...(isOnTheWay(after, first) ? ON_THE_WAY : ANYWHERE), ...faults].map((fault) => ({
      name: `${[...after, `${name}:${fault}`].join(', then ')}`,
      runs: [...first, { rules: [...after, `${name}:${fault}`] }],
      jobs: name === 'PutObject' ? ('both' as const) : ('large' as const),
      // Until the clock is right again, what was signed meanwhile is refused as well.
      ...(fault.startsWith('skew') ? { repeated: PARTS + 1 } : {}),
      extraSessions: extraSessions + (first.length === 0 && isAnotherApply(name, fault) ? 1 : 0),
      isUntold: name === 'HeadObject' && fault === 'no-crc',
    })),
  );
}

function isOnTheWay(...before: readonly (readonly unknown[])[]): boolean {
  return before.every((steps) => steps.length === 0);
}

/** An Apply that was served although its answer was of no use leaves a session behind. */
function isAnotherApply(operation: string, fault: string): boolean {
  const afterTheDeed = ['lost', 'hang-after', 'cut-200', 'slow-answer'];
  return operation === 'ApplyUpload' && afterTheDeed.includes(fault);
}

const INTERRUPTED = { expected: 'interrupted' } as const;

/** A run that ends at this moment, and one that goes on from there. */
function interrupted(rule: string, more: Partial<FaultRow> = {}): FaultRow {
  const [operation = ''] = rule.split(/[#:]/);
  return {
    name: `interrupted at ${rule}: the next run goes on`,
    jobs: 'large',
    runs: [{ rules: [rule], interruptAt: operation, ...INTERRUPTED }, {}],
    ...more,
  };
}

const RESUMED: readonly FaultRow[] = [
  interrupted('ApplyUpload:hang'),
  interrupted('ApplyUpload:hang-after', { extraSessions: 1 }),
  interrupted('PutObject:hang'),
  interrupted('PutObject:hang-after'),
  interrupted('InitiateMultipartUpload:hang'),
  interrupted('InitiateMultipartUpload:hang-after'),
  interrupted('UploadPart#1:hang'),
  interrupted('UploadPart#2:hang-body'),
  interrupted('UploadPart#2:hang-after', { repeated: 0 }),
  interrupted('CompleteMultipartUpload:hang'),
  interrupted('CompleteMultipartUpload:hang-after'),
  interrupted('CommitUpload:hang'),
  interrupted('CommitUpload:hang-after'),
  {
    name: 'interrupted again and again, each time at the next request',
    jobs: 'large',
    runs: [
      ...[
        'ApplyUpload:hang',
        'InitiateMultipartUpload:hang-after',
        'ListMultipartUploads:hang',
        'ListParts:hang',
        'UploadPart#2:hang',
        'ListParts:hang-after',
        'CompleteMultipartUpload:hang-after',
        'ListParts:hang',
        'CommitUpload:hang-after',
      ].map((rule) => ({
        rules: [rule],
        interruptAt: rule.split(/[#:]/)[0] as string,
        ...INTERRUPTED,
      })),
      {},
    ],
    // The cover is one request and not on record before the commit is.
    repeated: 9,
  },
];

/** Given up in the first run, and finished by the second without a byte that was stored already. */
function exhausted(operation: string, code: FailureCode, fault = '503'): FaultRow {
  return {
    name: `${operation}:${fault} until the retries are used up: the next run finishes`,
    jobs: 'large',
    world: { retries: 1 },
    runs: [{ rules: [`${operation}:${fault}*4`], expected: code }, {}],
    // Besides the faults, what was under way beside a part that was given up.
    repeated: 8,
  };
}

const GIVEN_UP: readonly FaultRow[] = [
  exhausted('ApplyUpload', 'service-unavailable'),
  exhausted('ApplyUpload', 'throttled', 'RequestLimitExceeded'),
  exhausted('InitiateMultipartUpload', 'service-unavailable'),
  exhausted('UploadPart#2', 'service-unavailable'),
  exhausted('UploadPart#2', 'throttled', 'SlowDown'),
  exhausted('UploadPart#2', 'not-the-service', 'login-page'),
  exhausted('UploadPart#2', 'stalled', 'hang'),
  exhausted('CompleteMultipartUpload', 'service-unavailable'),
  exhausted('CommitUpload', 'service-unavailable', 'InternalError'),
];

/** A local clock that is off the other way is the same thing. */
const CLOCKS: readonly FaultRow[] = [
  ['ahead', '*:skew=7200000*always'],
  ['behind', '*:skew=-7200000*always'],
].flatMap(([where, rule = '']) => [
  {
    name: `the clock of the services is two hours ${where}`,
    runs: [{ rules: [rule] }],
    repeated: 3,
  },
  {
    name: `the clock of the services is two hours ${where}, and the run is interrupted`,
    jobs: 'large' as const,
    runs: [{ rules: ['UploadPart#2:hang', rule], interruptAt: 'UploadPart', ...INTERRUPTED }, {}],
    repeated: 3,
  },
]);

const HALTS: readonly FaultRow[] = [
  ['ApplyUpload:AuthFailure.SignatureFailure', 'bad-credentials'],
  ['ApplyUpload:UnauthorizedOperation', 'permission-denied'],
  ['ApplyUpload:FailedOperation.InvalidVodUser', 'account-not-ready'],
  ['ApplyUpload:InvalidParameterValue.MediaType', 'bad-request'],
  ['UploadPart:AccessDenied', 'permission-denied'],
  ['CommitUpload:UnauthorizedOperation', 'permission-denied'],
].map(([rule = '', code]) => ({
  name: `${rule}: failed at once; once it is put right the next run goes on`,
  jobs: 'large' as const,
  runs: [{ rules: [rule], expected: code as FailureCode }, {}],
  // What was under way beside the refused part.
  repeated: 4,
}));

const STORMS: readonly FaultRow[] = ['503', 'reset', 'lost', 'garbage', 'early-503'].map(
  (fault) => ({
    name: `everywhere, one request in five: ${fault}`,
    runs: [{ rules: [`*:${fault}@0.2`] }],
    world: { retries: 20 },
    repeated: 12,
    extraSessions: { atMost: 12 },
  }),
);

export const FAULT_ROWS: readonly FaultRow[] = [
  ...everyFaultOnce(),
  ...RESUMED,
  ...GIVEN_UP,
  ...STORIES,
  ...CLOCKS,
  ...HALTS,
  ...STORMS,
];
