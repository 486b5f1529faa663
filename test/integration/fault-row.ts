import type { FailureCode } from '../../src/core/errors.js';
import type { Effort } from '../../src/core/model.js';
import type { WorldOptions } from '../helpers/world.js';

/** What becomes of the jobs of a run: what they come to, or the code with which they fail. */
export type Expected = 'uploaded' | 'interrupted' | 'unknown' | FailureCode;

export interface RunRow {
  /** Faults that begin with this run. */
  readonly rules?: readonly string[];
  /** The run is interrupted once a request of this operation is under its fault. */
  readonly interruptAt?: string;
  /** Every job comes to this, unless `jobs` names it: uploaded. */
  readonly expected?: Expected;
}

/** One bad day. Each run is a process of its own on the same journal. */
export interface FaultRow {
  readonly name: string;
  readonly runs: readonly RunRow[];
  /** What is uploaded: a media of two parts with its cover, and a media of one request. */
  readonly jobs?: 'both' | 'large' | 'small';
  /** Sessions beyond one a job: so many, or at most so many where chance decides. */
  readonly extraSessions?: number | { readonly atMost: number };
  /** Multipart uploads that nobody may abort any more. */
  readonly abandoned?: number;
  /** Requests whose bytes had to be sent again; where it is left out, one a fault. */
  readonly repeated?: number;
  /** What the run that uploads tells of its cost, where that matters. */
  readonly effort?: Partial<Effort>;
  /** Nobody told the CRC-64 of the merged media: its receipt has none. */
  readonly isUntold?: boolean;
  readonly world?: WorldOptions;
}
