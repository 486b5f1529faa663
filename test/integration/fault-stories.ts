import { COMMITS } from './fault-commits.js';
import type { FaultRow } from './fault-row.js';

const INTERRUPTED = { expected: 'interrupted' } as const;

const SESSIONS: readonly FaultRow[] = [
  {
    name: 'an expired certificate at a part: a new session, the old upload aborted',
    jobs: 'large',
    runs: [{ rules: ['UploadPart#2:ExpiredToken'] }],
    extraSessions: 1,
  },
  {
    name: 'a certificate that expires in the middle of the file',
    jobs: 'large',
    runs: [{ rules: ['UploadPart#2:skew=7300000'] }],
    extraSessions: 1,
  },
  {
    name: 'an expired certificate at a whole object',
    runs: [{ rules: ['PutObject:ExpiredToken'] }],
    extraSessions: 1,
  },
  {
    name: 'an expired certificate at Complete: a new session, the old upload aborted',
    jobs: 'large',
    runs: [{ rules: ['CompleteMultipartUpload:ExpiredToken'] }],
    extraSessions: 1,
  },
  {
    name: 'the certificate expires while a Complete is unanswered: the commit decides',
    jobs: 'large',
    runs: [{ rules: ['CompleteMultipartUpload:lost', 'CompleteMultipartUpload:ExpiredToken'] }],
  },
  ...['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch'].map((code): FaultRow => ({
    name: `a Complete is unanswered, and then ${code}, since the certificate is over: the commit decides`,
    jobs: 'large',
    world: { now: () => new Date(Date.now() + 86_400_000) },
    runs: [{ rules: ['CompleteMultipartUpload:lost', `CompleteMultipartUpload:${code}`] }],
  })),
  {
    name: 'the certificate expires after the objects are whole: the commit needs none',
    jobs: 'large',
    runs: [
      { rules: ['CommitUpload:hang'], interruptAt: 'CommitUpload', ...INTERRUPTED },
      { rules: ['PutObject:ExpiredToken', 'ListParts:ExpiredToken'] },
    ],
  },
  {
    name: 'interrupted while the Complete is unanswered, the certificate is over at the next run',
    jobs: 'large',
    runs: [
      {
        rules: ['CompleteMultipartUpload:hang-after'],
        interruptAt: 'CompleteMultipartUpload',
        ...INTERRUPTED,
      },
      { rules: ['PutObject:ExpiredToken*always', 'ListParts:ExpiredToken*always'] },
    ],
  },
  {
    name: 'certificates that always expire at once: failed, and no session is committed',
    jobs: 'small',
    runs: [{ rules: ['PutObject:ExpiredToken*2'], expected: 'session-expired' }, {}],
    extraSessions: 1,
  },
  {
    name: 'an upload that is gone at a part: a new session',
    jobs: 'large',
    runs: [{ rules: ['UploadPart#2:NoSuchUpload'] }],
    extraSessions: 1,
  },
  {
    name: 'an upload that is gone at a resume: a new session',
    jobs: 'large',
    runs: [
      { rules: ['UploadPart#2:hang'], interruptAt: 'UploadPart', ...INTERRUPTED },
      { rules: ['ListParts:NoSuchUpload'] },
    ],
    extraSessions: 1,
  },
  {
    name: 'a part that Complete refuses: the bucket is asked, nothing is sent anew',
    jobs: 'large',
    runs: [{ rules: ['UploadPart:bad-etag*3'] }],
    repeated: 0,
  },
  {
    name: 'a stored part that disagrees with the file is sent again',
    jobs: 'large',
    runs: [
      { rules: ['UploadPart#2:hang'], interruptAt: 'UploadPart', ...INTERRUPTED },
      { rules: ['ListParts:bad-etag'] },
    ],
    // What is listed under another digest: the two parts that had been stored.
    repeated: 3,
    effort: { bytesResumed: 0 },
  },
  {
    name: 'a whole object that disagrees with the file is replaced by a new session',
    jobs: 'large',
    runs: [{ rules: ['CompleteMultipartUpload:bad-crc', 'HeadObject:bad-crc'] }],
    extraSessions: 1,
  },
  {
    name: 'and so is one that seems to disagree, where HEAD is forbidden',
    jobs: 'large',
    runs: [{ rules: ['CompleteMultipartUpload:bad-crc', 'HeadObject:403'] }],
    extraSessions: 1,
  },
  {
    name: 'what a run found stored, and had to send all the same, counts as sent',
    jobs: 'large',
    runs: [
      { rules: ['UploadPart#2:hang'], interruptAt: 'UploadPart', ...INTERRUPTED },
      { rules: ['CommitUpload:InvalidParameterValue.VodSessionKey'] },
    ],
    extraSessions: 1,
    effort: { bytesResumed: 0 },
  },
];

/** Answers that are good by their looks, and lack or say something that matters. */
const ANSWERS: readonly FaultRow[] = [
  {
    name: 'an apply that grants the cover no place is asked for again, and never drops the cover',
    jobs: 'large',
    runs: [{ rules: ['ApplyUpload:without=CoverStoragePath'] }],
    extraSessions: 1,
    effort: { attempts: 1 },
  },
  ...['StorageBucket', 'MediaStoragePath', 'VodSessionKey'].map((field): FaultRow => ({
    name: `an apply that lacks ${field} is asked for again`,
    jobs: 'small',
    runs: [{ rules: [`ApplyUpload:without=${field}`] }],
    extraSessions: 1,
  })),
  {
    name: 'an apply that grants no certificate: the own key signs',
    jobs: 'large',
    runs: [{ rules: ['ApplyUpload:without=TempCertificate'] }],
  },
  {
    name: 'a commit that tells no FileId is asked again',
    jobs: 'small',
    runs: [{ rules: ['CommitUpload:without=FileId'] }],
  },
  {
    name: 'a Complete that tells no CRC-64, and HEAD is forbidden: the parts were verified',
    jobs: 'large',
    runs: [{ rules: ['CompleteMultipartUpload:no-crc', 'HeadObject:403'] }],
    isUntold: true,
  },
  {
    name: 'HEAD is forbidden and the Complete was lost: the commit decides',
    jobs: 'large',
    runs: [{ rules: ['CompleteMultipartUpload:lost', 'HeadObject:403*always'] }],
  },
  {
    name: 'an object that HEAD does not see at first',
    jobs: 'large',
    runs: [{ rules: ['CompleteMultipartUpload:lost', 'HeadObject:404*2'] }],
  },
  {
    name: 'uploads may neither be listed nor aborted: a new session all the same',
    jobs: 'large',
    runs: [
      {
        rules: [
          'InitiateMultipartUpload:lost',
          'UploadPart#2:ExpiredToken',
          'ListMultipartUploads:403*always',
          'AbortMultipartUpload:403*always',
        ],
      },
    ],
    extraSessions: 1,
    abandoned: 2,
  },
  ...['AccessDenied=The provided token has expired.', 'AccessDenied=Request has expired'].map(
    (refusal): FaultRow => ({
      name: `a certificate that is over and called ${refusal}: a new session`,
      jobs: 'large',
      runs: [{ rules: [`UploadPart#2:${refusal}`] }],
      extraSessions: 1,
    }),
  ),
  {
    name: 'a skew that only the message names',
    jobs: 'large',
    runs: [{ rules: ['UploadPart#2:AccessDenied=RequestTimeTooSkewed'] }],
  },
  {
    name: 'a certificate that is over by the clock and refused without a reason: a new session',
    jobs: 'small',
    world: { sandbox: { certificateTtlMs: 0 } },
    runs: [{ rules: ['PutObject:AccessDenied*2'], expected: 'session-expired' }],
    extraSessions: 1,
  },
];

/** Bad days with a plot: sessions that end, answers that lack something, commits in doubt. */
export const STORIES: readonly FaultRow[] = [...SESSIONS, ...ANSWERS, ...COMMITS];
