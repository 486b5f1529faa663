import type { FaultRow } from './fault-row.js';

const INTERRUPTED = { expected: 'interrupted' } as const;

/** Commits in doubt. */
export const COMMITS: readonly FaultRow[] = [
  {
    name: 'committed, answer lost, the session is gone: the media is shown after a while',
    runs: [
      {
        rules: [
          'CommitUpload:lost',
          'CommitUpload:ResourceNotFound',
          'DescribeMediaInfos:without=MediaInfoSet*2',
        ],
      },
    ],
    jobs: 'small',
  },
  {
    name: 'committed, answer lost, the session is gone, the media is not shown: not sent again',
    runs: [
      {
        rules: [
          'CommitUpload:lost',
          'CommitUpload:InvalidParameterValue.VodSessionKey',
          'DescribeMediaInfos:without=MediaInfoSet*3',
        ],
        expected: 'unknown',
      },
      {},
    ],
    jobs: 'small',
  },
  {
    name: 'committed, answer lost, session and certificate are over, the media is not shown: not sent again',
    runs: [
      {
        rules: [
          'CommitUpload:lost',
          'CommitUpload:InvalidParameterValue.VodSessionKey',
          'DescribeMediaInfos:without=MediaInfoSet*3',
        ],
        expected: 'unknown',
      },
      {},
    ],
    jobs: 'small',
    world: { now: () => new Date(Date.now() + 86_400_000) },
  },
  {
    name: 'interrupted at the commit, the key may neither commit nor ask by then: the run is halted',
    runs: [
      { rules: ['CommitUpload:hang-after'], interruptAt: 'CommitUpload', ...INTERRUPTED },
      {
        rules: ['CommitUpload:UnauthorizedOperation', 'DescribeMediaInfos:UnauthorizedOperation'],
        expected: 'permission-denied',
      },
      {},
    ],
    jobs: 'small',
  },
  {
    name: 'committed, answer lost, InternalError three times',
    runs: [{ rules: ['CommitUpload:lost', 'CommitUpload:InternalError*3'] }],
  },
  {
    name: 'committed, answer lost, the session is gone: the media is found by its FileId',
    runs: [{ rules: ['CommitUpload:lost', 'CommitUpload:ResourceNotFound'] }],
    jobs: 'small',
  },
  {
    name: 'InternalError without the deed, then with it',
    runs: [{ rules: ['CommitUpload:InternalError*2', 'CommitUpload:lost'] }],
    jobs: 'small',
  },
  {
    name: 'not committed, the session is invalid: a new session',
    runs: [{ rules: ['CommitUpload:InvalidParameterValue.VodSessionKey'] }],
    jobs: 'small',
    extraSessions: 1,
  },
  {
    name: 'nobody can tell whether the commit happened: unknown, and the next run finds out',
    runs: [
      {
        rules: [
          'CommitUpload:lost',
          'CommitUpload:InvalidParameterValue.VodSessionKey',
          'DescribeMediaInfos:InternalError*2',
        ],
        expected: 'unknown',
      },
      {},
    ],
    jobs: 'small',
    world: { retries: 1 },
  },
  {
    name: 'a key that may not ask for media leaves the outcome unknown and other jobs alone',
    runs: [
      {
        rules: [
          'CommitUpload:lost',
          'CommitUpload:InvalidParameterValue.VodSessionKey',
          'DescribeMediaInfos:UnauthorizedOperation',
        ],
        expected: 'unknown',
      },
      {},
    ],
    jobs: 'small',
  },
  {
    name: 'committed, answer lost, then no other: the second try meets the ended session, not sent again',
    runs: [
      {
        rules: [
          'CommitUpload:lost',
          'CommitUpload:InternalError',
          'CommitUpload:InvalidParameterValue.VodSessionKey',
          'DescribeMediaInfos:without=MediaInfoSet*6',
        ],
        expected: 'unknown',
      },
      {},
    ],
    jobs: 'small',
    world: { retries: 0 },
  },
  {
    name: 'interrupted at the commit, the session is gone soon after, the media is not shown: not sent again',
    runs: [
      { rules: ['CommitUpload:hang-after'], interruptAt: 'CommitUpload', ...INTERRUPTED },
      {
        rules: [
          'CommitUpload:InvalidParameterValue.VodSessionKey',
          'DescribeMediaInfos:without=MediaInfoSet*3',
        ],
        expected: 'unknown',
      },
      {},
    ],
    jobs: 'small',
  },
  {
    name: 'interrupted at the commit, the session is gone at the next run: found by its FileId',
    runs: [
      { rules: ['CommitUpload:hang-after'], interruptAt: 'CommitUpload', ...INTERRUPTED },
      { rules: ['CommitUpload:InvalidParameterValue.VodSessionKey'] },
    ],
    jobs: 'small',
  },
];
