/** What the sandbox does wrong on purpose, when, and how often. */

import { CLIENT_OPERATIONS } from './client-service.js';
import { COS_OPERATIONS } from './cos-request.js';
import { SCHEMAS } from './vod-parameters.js';

const FAULT_OPERATIONS: readonly string[] = [
  ...Object.keys(SCHEMAS),
  ...CLIENT_OPERATIONS,
  ...COS_OPERATIONS,
];

const PLAIN_ACTIONS = [
  'reset',
  'reset-body',
  'lost',
  'hang',
  'hang-body',
  'hang-after',
  'half-close',
  'slow-answer',
  'login-page',
  'garbage',
  'bad-etag',
  'bad-crc',
  'no-crc',
  'error-200',
  'cut-200',
  'early-503',
  'early-drip',
  'interim',
  'reset-after',
  'close-after',
] as const;

export type PlainAction = (typeof PLAIN_ACTIONS)[number];

export type FaultAction =
  | { readonly kind: PlainAction }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'code'; readonly code: string; readonly message?: string }
  /** The answer lacks this header, or this field of its JSON. */
  | { readonly kind: 'without'; readonly name: string }
  | { readonly kind: 'delay' | 'skew'; readonly ms: number };

export interface FaultRule {
  /** An operation's name, or `*`. */
  readonly operation: string;
  readonly partNumber?: number;
  readonly action: FaultAction;
  /** How often it applies; Infinity for always. */
  readonly count: number;
  readonly probability: number;
}

/** What a timer of Node takes. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

const RULE =
  /^(?<operation>\*|\w+)(?:#(?<part>[1-9]\d*))?:(?<action>[^*@]+)(?:\*(?<count>[1-9]\d*|always))?(?:@(?<probability>\d*\.?\d+))?$/;

/**
 * Reads `<Operation>[#<part number>]:<action>[*<count>][@<probability>]`. A rule applies once;
 * `*always` lifts that, and so does a probability without a count.
 */
export function parseFaultRule(text: string): FaultRule {
  const found = RULE.exec(text.trim())?.groups;
  if (!found) {
    throw refusal(text, 'it cannot be read', 'write <Operation>[#part]:<action>[*count][@chance]');
  }
  const { operation = '*', part, action = '', count, probability } = found;
  if (operation !== '*' && !FAULT_OPERATIONS.includes(operation)) {
    const names = FAULT_OPERATIONS.join(', ');
    throw refusal(text, `there is no operation "${operation}"`, `use * or one of ${names}`);
  }
  if (part !== undefined && !['*', 'UploadPart'].includes(operation)) {
    throw refusal(text, `${operation} has no part number`, 'write UploadPart#<part>');
  }
  const chance = Number(probability ?? 1);
  if (!(chance > 0 && chance <= 1)) {
    throw refusal(text, 'its probability is not above 0 and up to 1', 'write for example @0.1');
  }
  return {
    operation,
    ...(part === undefined ? {} : { partNumber: Number(part) }),
    action: parseAction(text, action),
    count: parseCount(count ?? (probability === undefined ? '1' : 'always')),
    probability: chance,
  };
}

function parseCount(count: string): number {
  return count === 'always' ? Infinity : Number(count);
}

function parseAction(text: string, action: string): FaultAction {
  const plain = PLAIN_ACTIONS.find((known) => known === action);
  if (plain) return { kind: plain };
  if (/^[1-5]\d\d$/.test(action)) {
    const status = Number(action);
    if (status < 200) throw refusal(text, `${action} is no final status`, 'use 200 to 599');
    return { kind: 'status', status };
  }
  const delay = /^delay=(\d+)$/.exec(action)?.[1];
  if (delay !== undefined) {
    if (Number(delay) > LONGEST_DELAY_MS) {
      throw refusal(text, 'its delay is too long', `use ${LONGEST_DELAY_MS} at most`);
    }
    return { kind: 'delay', ms: Number(delay) };
  }
  const skew = /^skew=(-?\d+)$/.exec(action)?.[1];
  if (skew !== undefined) return { kind: 'skew', ms: Number(skew) };
  const without = /^without=([\w-]+)$/.exec(action)?.[1];
  if (without !== undefined) return { kind: 'without', name: without };
  const refused = /^([A-Z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)?)(?:=(.+))?$/.exec(action);
  if (refused) {
    const [, code = '', message] = refused;
    return { kind: 'code', code, ...(message === undefined ? {} : { message }) };
  }
  const timed = ['delay=<ms>', 'skew=<ms>', 'without=<header or field>'];
  const names = [...PLAIN_ACTIONS, ...timed].join(', ');
  const remedy = `use an HTTP status, a service's error code, or one of ${names}`;
  throw refusal(text, `there is no action "${action}"`, remedy);
}

function refusal(text: string, reason: string, remedy: string): Error {
  return new Error(`fault rule "${text}": ${reason}; ${remedy}`);
}

export interface FaultChooser {
  /** The fault for this request, which thereby counts as used. */
  choose(operation: string, partNumber?: number): FaultAction | undefined;
  add(rules: readonly FaultRule[]): void;
}

/** The first rule that matches, is not used up, and wins its draw applies. */
export function createFaultChooser(rules: readonly FaultRule[], seed: number): FaultChooser {
  const open = rules.map((rule) => ({ rule, left: rule.count }));
  const draw = createDraw(seed);
  return {
    choose(operation, partNumber) {
      for (const entry of open) {
        const { rule } = entry;
        if (entry.left <= 0) continue;
        if (rule.operation !== '*' && rule.operation !== operation) continue;
        if (rule.partNumber !== undefined && rule.partNumber !== partNumber) continue;
        if (rule.probability < 1 && draw() >= rule.probability) continue;
        entry.left -= 1;
        return rule.action;
      }
      return undefined;
    },
    add(more) {
      open.push(...more.map((rule) => ({ rule, left: rule.count })));
    },
  };
}

/** Reproducible numbers in [0, 1): a 32-bit counter, well mixed. */
function createDraw(seed: number): () => number {
  let counter = seed >>> 0;
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(counter ^ (counter >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
