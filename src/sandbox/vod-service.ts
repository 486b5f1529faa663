import { randomUUID } from 'node:crypto';
import { receiveText } from './body.js';
import type { Answer, Exchange, Service } from './exchange.js';
import { parseQuery, ServiceError, statusPage } from './exchange.js';
import type { State } from './state.js';
import type { createActions } from './vod-actions.js';
import { API_REGIONS, checkParams, isVodAction, paramsOfForm } from './vod-parameters.js';
import type { Params, VodAction } from './vod-parameters.js';
import { checkTc3, checkV1 } from './vod-signature.js';

const VERSION = '2018-07-17';
const JSON_LIMIT = 10_000_000;
const FORM_LIMIT = 1_000_000;

/** What every call carries besides its own parameters. */
interface Common {
  readonly action: string;
  readonly version: string;
  readonly region: string;
}

interface Call {
  readonly common: Common;
  readonly params: Params;
}

/** The control plane: API 2018-07-17 with both of its signatures. */
export function createVodService(
  state: State,
  actions: ReturnType<typeof createActions>,
  ratePerSecond: number,
): Service {
  const calls = createCallCounter();
  return {
    async perform(exchange) {
      const read = isFormCall(exchange) ? readFormCall : readJsonCall;
      const { common, params } = await read(state, exchange);
      exchange.record.params = params;
      const action = checkCommon(common);
      if (calls.count(action, exchange.now()) > ratePerSecond) {
        const text = `Your current request exceeds the limit of ${ratePerSecond} a second.`;
        throw new ServiceError('RequestLimitExceeded', text);
      }
      return envelope(await actions[action](checkParams(action, params), exchange.now()));
    },
    refuse(exchange, code, message, status = 200) {
      exchange.record.code = code;
      return { ...envelope({ Error: { Code: code, Message: message } }), status };
    },
    refuseStatus: (_exchange, status) => statusPage(status),
    garbage: () => ({
      status: 200,
      headers: { 'Content-Type': 'application/json' },
      body: '{"Response":{"RequestId":"',
    }),
  };
}

async function readJsonCall({ keys }: State, exchange: Exchange): Promise<Call> {
  const { headers } = exchange.req;
  const { method, rawQuery } = exchange.target;
  const body = await receiveText(exchange, JSON_LIMIT);
  const headerOf = (name: string) => String(headers[name] ?? '');
  for (const name of ['x-tc-action', 'x-tc-version', 'x-tc-timestamp']) {
    if (headerOf(name) === '') {
      throw new ServiceError('MissingParameter', `The header ${name} is missing.`);
    }
  }
  checkTc3({ method, rawQuery, headers, body }, keys, exchange.now());
  const common = {
    action: headerOf('x-tc-action'),
    version: headerOf('x-tc-version'),
    region: headerOf('x-tc-region'),
  };
  return { common, params: parseObject(body) };
}

async function readFormCall({ keys }: State, exchange: Exchange): Promise<Call> {
  const form = parseForm(await receiveText(exchange, FORM_LIMIT));
  checkV1(exchange.target.method, exchange.req.headers.host ?? '', form, keys, exchange.now());
  const common = {
    action: form.get('Action') ?? '',
    version: form.get('Version') ?? '',
    region: form.get('Region') ?? '',
  };
  for (const name of COMMON_FORM) form.delete(name);
  return { common, params: isVodAction(common.action) ? paramsOfForm(common.action, form) : {} };
}

const COMMON_FORM = `Action Version Region Timestamp Nonce SecretId Signature SignatureMethod Token
  Language RequestClient`.split(/\s+/);

function envelope(result: object): Answer {
  const body = JSON.stringify({ Response: { ...result, RequestId: randomUUID() } });
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body };
}

/** Whether the call names its action in the form, which must be read to know it. */
export function isFormCall(exchange: Pick<Exchange, 'req'>): boolean {
  const { headers } = exchange.req;
  const type = headers['content-type'] ?? '';
  return (
    headers['x-tc-action'] === undefined && type.startsWith('application/x-www-form-urlencoded')
  );
}

/** The action a form call names; none where the form cannot be read, which the call itself is told. */
export async function formAction(exchange: Exchange): Promise<string> {
  try {
    return parseForm(await receiveText(exchange, FORM_LIMIT)).get('Action') ?? '';
  } catch (error) {
    if (error instanceof ServiceError) return '';
    throw error;
  }
}

function parseForm(body: Buffer): Map<string, string> {
  const form = parseQuery(body.toString('utf8').replaceAll('+', '%20'));
  if (!form) throw new ServiceError('InvalidParameter', 'the form is badly encoded');
  return form;
}

function parseObject(body: Buffer): Params {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Params;
  } catch {
    // answered below
  }
  throw new ServiceError('InvalidParameter', 'the body is not a JSON object');
}

function checkCommon({ action, version, region }: Common): VodAction {
  if (version !== VERSION)
    throw new ServiceError('NoSuchVersion', `there is no version ${version}`);
  if (!isVodAction(action)) throw new ServiceError('InvalidAction', `there is no action ${action}`);
  if (region === '' && action === 'ApplyUpload') {
    throw new ServiceError('MissingParameter', 'The header X-TC-Region is missing.');
  }
  if (region !== '' && !API_REGIONS.has(region)) {
    throw new ServiceError('UnsupportedRegion', `the region ${region} is not supported`);
  }
  return action;
}

/** Counts calls of each action within the running second. */
function createCallCounter() {
  const counts = new Map<string, number>();
  let second = 0;
  return {
    count(action: string, nowMs: number): number {
      if (Math.floor(nowMs / 1000) !== second) {
        second = Math.floor(nowMs / 1000);
        counts.clear();
      }
      const count = (counts.get(action) ?? 0) + 1;
      counts.set(action, count);
      return count;
    },
  };
}
