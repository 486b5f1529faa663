import type { IncomingMessage, ServerResponse } from 'node:http';
import { drip, pause, sendAnswer, sendCut, sendSlowly, spoilAnswer } from './answer.js';
import { drain } from './body.js';
import { clientAction, isClientHost } from './client-service.js';
import { isCosHost, parseCosRequest } from './cos-request.js';
import type { Answer, Exchange, RequestRecord, Service, Target } from './exchange.js';
import { parseTarget, ServiceError } from './exchange.js';
import type { FaultAction, FaultChooser } from './faults.js';
import { formAction, isFormCall } from './vod-service.js';

const RECORDS_KEPT = 10_000;

export interface Services {
  readonly vod: Service;
  readonly cos: Service;
  readonly client: Service;
}

export type RequestListener = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** Answers every request on the port: finds the service, applies a fault, sends the answer. */
export function createListener(
  services: Services,
  faults: FaultChooser,
  records: RequestRecord[],
): RequestListener {
  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    // What comes on a connection that was closed on this side cannot be answered, so it is not done.
    if (!req.socket.writable) return void req.socket.resetAndDestroy();
    const at = Date.now();
    const target = parseTarget(req);
    const service = serviceFor(services, target);
    let skewMs = 0;
    const now = () => Date.now() + skewMs;
    const unnamed = { at, operation: '', host: target.host, bytesReceived: 0, status: 0 };
    let exchange: Exchange = { target, req, record: unnamed, now };
    const named = await nameOperation(exchange, service === services.vod);
    const record: RequestRecord = { ...unnamed, ...named };
    exchange = { ...exchange, record };
    records.push(record);
    if (records.length > RECORDS_KEPT) records.shift();

    const fault = faults.choose(record.operation, record.partNumber);
    if (fault) {
      record.fault = describe(fault);
      if (fault.kind === 'skew') skewMs = fault.ms;
    }
    await answerWith(service, exchange, res, fault);
  }

  return async (req, res) => {
    try {
      await serve(req, res);
    } catch (error) {
      // The peer is gone, or the sandbox itself failed: either way nothing more can be said.
      if (!req.socket.destroyed) {
        res.statusCode = 500;
        res.end(`sandbox: ${String(error)}`);
      }
    }
  };
}

function serviceFor(services: Services, { host }: Target): Service {
  if (isCosHost(host)) return services.cos;
  return isClientHost(host) ? services.client : services.vod;
}

type Named = Pick<RequestRecord, 'operation' | 'key' | 'partNumber'>;

async function nameOperation(exchange: Exchange, isVod: boolean): Promise<Named> {
  const { target, req } = exchange;
  if (isCosHost(target.host)) {
    const { operation, key, query } = parseCosRequest(target);
    const number = Number(query.get('partNumber'));
    return {
      operation,
      ...(key === '' ? {} : { key }),
      ...(operation === 'UploadPart' ? { partNumber: number } : {}),
    };
  }
  if (!isVod) return { operation: clientAction(target.rawQuery) };
  if (isFormCall(exchange)) return { operation: await formAction(exchange) };
  return { operation: String(req.headers['x-tc-action'] ?? 'Unknown') };
}

function describe(fault: FaultAction): string {
  switch (fault.kind) {
    case 'status':
      return String(fault.status);
    case 'code':
      return fault.code;
    case 'delay':
    case 'skew':
      return `${fault.kind}=${fault.ms}`;
    case 'without':
      return `without=${fault.name}`;
    default:
      return fault.kind;
  }
}

async function answerWith(
  service: Service,
  exchange: Exchange,
  res: ServerResponse,
  fault: FaultAction | undefined,
): Promise<void> {
  if (!fault) return sendAnswer(res, exchange, await perform(service, exchange));
  if (await breakEarly(exchange, res, fault)) return;
  const instead = await answerInstead(service, exchange, fault);
  if (instead) return sendAnswer(res, exchange, instead);
  const answer = await perform(service, exchange);
  await finishWith(exchange, res, fault, answer);
}

/** The service's answer, or its refusal; what comes of the body is read to its end either way. */
async function perform(service: Service, exchange: Exchange): Promise<Answer> {
  try {
    const answer = await service.perform(exchange);
    await drain(exchange);
    if (!answer.pending) return answer;
    const pending = answer.pending.catch((error: unknown) => refusalBody(service, exchange, error));
    return { ...answer, pending };
  } catch (error) {
    if (exchange.req.destroyed && !exchange.req.complete) throw error;
    const { code, message, unfinished } =
      error instanceof ServiceError ? error : new ServiceError('InternalError', String(error));
    if (!unfinished) await drain(exchange);
    const refusal = service.refuse(exchange, code, message);
    if (!unfinished) return refusal;
    return { ...refusal, headers: { ...refusal.headers, Connection: 'close' } };
  }
}

function refusalBody(service: Service, exchange: Exchange, error: unknown): string {
  const code = error instanceof ServiceError ? error.code : 'InternalError';
  return service.refuse(exchange, code, String(error)).body ?? '';
}

/** Faults that end the matter before the deed; true when one did. */
async function breakEarly(
  exchange: Exchange,
  res: ServerResponse,
  fault: FaultAction,
): Promise<boolean> {
  const { socket } = exchange.req;
  switch (fault.kind) {
    case 'reset':
      socket.resetAndDestroy();
      return true;
    case 'reset-body': {
      const length = Number(exchange.req.headers['content-length'] ?? 0);
      if (length === 0) socket.resetAndDestroy();
      // Counting goes on where the body of a form call was read to learn its operation.
      else await drain({ ...exchange, resetAfter: Math.max(1, Math.floor(length / 2)) });
      if (!socket.destroyed) socket.resetAndDestroy();
      return true;
    }
    case 'hang':
      await drain(exchange);
      return true;
    case 'hang-body':
      exchange.req.pause();
      return true;
    case 'half-close':
      await drain(exchange);
      socket.end();
      return true;
    case 'early-503':
      exchange.record.status = 503;
      res.writeHead(503, { Connection: 'close', 'Content-Length': '0' });
      res.end(() => socket.destroySoon());
      return true;
    case 'early-drip':
      exchange.req.pause();
      await drip(res);
      return true;
    case 'interim':
      res.writeProcessing();
      return false;
    default:
      return false;
  }
}

/** Faults that answer something else in place of the deed. */
async function answerInstead(
  service: Service,
  exchange: Exchange,
  fault: FaultAction,
): Promise<Answer | undefined> {
  switch (fault.kind) {
    case 'status':
      await drain(exchange);
      return service.refuseStatus(exchange, fault.status);
    case 'code':
      await drain(exchange);
      return service.refuse(exchange, fault.code, fault.message ?? `${fault.code}, as asked for`);
    case 'error-200':
      await drain(exchange);
      return service.refuse(exchange, 'InternalError', 'an error under 200, as asked for', 200);
    case 'login-page':
      await drain(exchange);
      return {
        status: 200,
        headers: { 'Content-Type': 'text/html' },
        body: '<!DOCTYPE html><html><body><form action="/login">Please log in</form></body></html>',
      };
    case 'garbage':
      await drain(exchange);
      return service.garbage(exchange);
    case 'delay':
      await pause(fault.ms, exchange.req.socket);
      return undefined;
    default:
      return undefined;
  }
}

/** Faults that come after the deed. */
async function finishWith(
  exchange: Exchange,
  res: ServerResponse,
  fault: FaultAction,
  answer: Answer,
): Promise<void> {
  switch (fault.kind) {
    case 'lost':
      await answer.pending;
      return void exchange.req.socket.resetAndDestroy();
    case 'hang-after':
      await answer.pending;
      return;
    case 'cut-200':
      return sendCut(res, exchange, answer);
    case 'reset-after':
      await sendAnswer(res, exchange, answer);
      return void exchange.req.socket.resetAndDestroy();
    case 'close-after':
      await sendAnswer(res, exchange, answer);
      return void exchange.req.socket.end();
    case 'slow-answer':
      return sendSlowly(exchange.req.socket, exchange, answer);
    default:
      return sendAnswer(res, exchange, spoilAnswer(answer, fault));
  }
}
