/** Where in its life a job failed. */
export type Stage =
  'plan' | 'apply' | 'upload-media' | 'upload-cover' | 'upload-segment' | 'commit' | 'wait';

/** What may be repeated after a failure: the request, the whole session (once), or nothing. */
export type RetryScope = 'request' | 'session' | 'never';

interface FailureRule {
  readonly retry: RetryScope;
  /** `run`: no other job can fare better, so the run stops at once. */
  readonly halts: 'job' | 'run';
  /** Would the same command, run again later, have a chance? Decides between exit 8 and exit 3. */
  readonly retryable: boolean;
  /** One imperative sentence. */
  readonly hint: string;
}

/** Every failure the product foresees. README and src/README.md show this table; a test compares. */
export const FAILURES = {
  'source-missing': {
    retry: 'never',
    halts: 'job',
    retryable: false,
    hint: 'Check the path, or leave the file out.',
  },
  'source-unreadable': {
    retry: 'never',
    halts: 'job',
    retryable: false,
    hint: 'Give this user read permission on the file, or leave it out.',
  },
  'source-unsupported': {
    retry: 'never',
    halts: 'job',
    retryable: false,
    hint: 'Upload media that VOD accepts, or name the type with --media-type.',
  },
  'source-invalid': {
    retry: 'never',
    halts: 'job',
    retryable: false,
    hint: 'Correct the file or the flag that the message names.',
  },
  'source-changed': {
    retry: 'never',
    halts: 'job',
    retryable: true,
    hint: 'Wait until nothing writes to the file (see --min-age), then run the same command again.',
  },
  'read-error': {
    retry: 'never',
    halts: 'job',
    retryable: true,
    hint: 'Check the disk, then run the same command again.',
  },
  'too-many-open-files': {
    retry: 'request',
    halts: 'job',
    retryable: true,
    hint: 'Raise the limit of open files (ulimit -n) or lower --concurrency.',
  },
  'cover-missing': {
    retry: 'never',
    halts: 'job',
    retryable: false,
    hint: 'Put a cover next to the video, or use --covers auto.',
  },
  'bad-credentials': {
    retry: 'never',
    halts: 'run',
    retryable: false,
    hint: 'Check the SecretId, SecretKey and token, and that the key is enabled.',
  },
  'permission-denied': {
    retry: 'never',
    halts: 'run',
    retryable: false,
    hint: 'Grant this key vod:ApplyUpload and vod:CommitUpload on the sub-application.',
  },
  'account-not-ready': {
    retry: 'never',
    halts: 'run',
    retryable: false,
    hint: 'Open the VOD service in the console, and name the sub-application with --sub-app-id.',
  },
  'clock-skewed': {
    retry: 'request',
    halts: 'run',
    retryable: false,
    hint: 'Set the clock of this machine (for example with NTP).',
  },
  'bad-request': {
    retry: 'never',
    halts: 'job',
    retryable: false,
    hint: 'Correct the value that the service names.',
  },
  throttled: {
    retry: 'request',
    halts: 'job',
    retryable: true,
    hint: 'Run the same command again later, or lower --api-rate.',
  },
  'service-unavailable': {
    retry: 'request',
    halts: 'job',
    retryable: true,
    hint: 'Run the same command again later: it goes on where it stopped.',
  },
  network: {
    retry: 'request',
    halts: 'job',
    retryable: true,
    hint: 'Check the network, then run the same command again: it goes on where it stopped.',
  },
  'tls-untrusted': {
    retry: 'never',
    halts: 'run',
    retryable: false,
    hint: 'Add the issuing authority with NODE_EXTRA_CA_CERTS, or correct the endpoint.',
  },
  'proxy-refused': {
    retry: 'never',
    halts: 'run',
    retryable: false,
    hint: "Check the proxy's address, user and password.",
  },
  stalled: {
    retry: 'request',
    halts: 'job',
    retryable: true,
    hint: 'Check the network, or allow more time with --stall-timeout.',
  },
  'not-the-service': {
    retry: 'request',
    halts: 'job',
    retryable: true,
    hint: 'Check for a captive portal or a proxy between this machine and Tencent Cloud.',
  },
  corrupted: {
    retry: 'request',
    halts: 'job',
    retryable: true,
    hint: 'Run the same command again; if it repeats, check memory, disk and proxies.',
  },
  'object-corrupted': {
    retry: 'session',
    halts: 'job',
    retryable: true,
    hint: 'Run the same command again; if it repeats, check memory, disk and proxies.',
  },
  'session-expired': {
    retry: 'session',
    halts: 'job',
    retryable: true,
    hint: 'Run the same command again, with fewer files at once (--concurrency) if the link is slow.',
  },
  'upload-gone': {
    retry: 'session',
    halts: 'job',
    retryable: true,
    hint: 'Run the same command again: it begins this file anew.',
  },
  'commit-unknown': {
    retry: 'never',
    halts: 'job',
    retryable: true,
    hint: 'Run the same command again: it repeats the commit, or asks the service whether the media exists.',
  },
  'journal-unreadable': {
    retry: 'never',
    halts: 'job',
    retryable: true,
    hint: 'Make the state directory readable for this user, or restore it from a backup.',
  },
  'journal-unwritable': {
    retry: 'never',
    halts: 'run',
    retryable: true,
    hint: 'Make the state directory writable and free space on its disk, or name another with --state-dir.',
  },
} as const satisfies Record<string, FailureRule>;

export type FailureCode = keyof typeof FAILURES;

/** What the system says where too many files are open: later, once others are closed, there is room. */
export const OUT_OF_FILES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE']);

export interface FailureFacts {
  readonly stage?: Stage;
  readonly serviceCode?: string;
  readonly requestId?: string;
  /** What the service asked for in Retry-After. */
  readonly retryAfterMs?: number;
  /** Whether the request may have taken effect although its answer is missing or unusable. */
  readonly ambiguous?: boolean;
  /** Nobody is to blame (a stale kept-alive connection, a clock just corrected): repeat at once. */
  readonly repeatAtOnce?: boolean;
  /** The connection had carried a request before: others that are kept may be as dead. */
  readonly lostOverKept?: boolean;
  /** Server clock minus local clock, where the answer told it. */
  readonly clockOffsetMs?: number;
  /** The same command cannot fare better later, whatever the table says. */
  readonly isFinal?: boolean;
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * A failure that was foreseen. Remote and system errors are translated into one at the edge,
 * once, with the original as `cause`; anything else thrown is an abort or a bug.
 */
export class UploadFailure extends Error {
  override readonly name = 'UploadFailure';
  readonly code: FailureCode;
  readonly facts: FailureFacts;

  constructor(code: FailureCode, message: string, facts: FailureFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.facts = facts;
  }

  get rule(): FailureRule {
    const rule = FAILURES[this.code];
    return this.facts.isFinal ? { ...rule, retryable: false } : rule;
  }

  get hint(): string {
    return this.facts.hint ?? this.rule.hint;
  }

  /** The same failure with these facts, and under another code or in other words where it is really that. */
  with(
    facts: FailureFacts,
    { code = this.code, message = this.message }: { code?: FailureCode; message?: string } = {},
  ): UploadFailure {
    const other = new UploadFailure(code, message, { ...this.facts, ...facts });
    if (this.stack !== undefined) other.stack = this.stack;
    return other;
  }

  /** The same failure, placed in the life of its job. */
  at(stage: Stage): UploadFailure {
    return this.facts.stage === undefined ? this.with({ stage }) : this;
  }
}

/** Bad input, found before anything was sent: exit 2. One message a problem. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map((problem) => problem.message).join('\n'));
    this.problems = problems;
  }
}

/** A usage error with a single problem. */
export function usageError(message: string, hint: string): UsageError {
  return new UsageError([{ message, hint }]);
}

/** What is wrong (thing and reason), and one imperative sentence on what to do about it. */
export interface Problem {
  readonly message: string;
  readonly hint: string;
}
