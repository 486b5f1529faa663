import type { ObjectTarget } from '../core/ports.js';
import type { UploadFailure } from '../core/errors.js';

/** The same buckets answer under both (protocol: COS, 1.1). */
const FIRST = 'myqcloud.com';
const BACKUP = 'tencentcos.cn';
/** So many answers missing one after the other, and the other domain is tried. */
const STRIKES = 3;

/** Which of the two domains to use: the one that answers. Shared by all requests of a run. */
export interface Domains {
  readonly current: string;
  /** Hears how each request went. */
  answered(domain: string): void;
  /** Returns what the failure is to the request: a backup that may not be used ends nothing. */
  failed(domain: string, failure: UploadFailure): UploadFailure;
}

export function createDomains(): Domains {
  let current = FIRST;
  let strikes = 0;
  let isBackupRefused = false;
  return {
    get current() {
      return current;
    },
    answered(domain) {
      if (domain === current) strikes = 0;
    },
    failed(domain, failure) {
      const { code, facts } = failure;
      if (domain === BACKUP && (code === 'proxy-refused' || code === 'tls-untrusted')) {
        isBackupRefused = true;
        current = FIRST;
        return failure.with({}, { code: 'network' });
      }
      const isSilent = code === 'network' || code === 'stalled' || code === 'not-the-service';
      if (!isSilent || facts.requestId !== undefined || domain !== current) return failure;
      strikes += 1;
      if (strikes < STRIKES) return failure;
      strikes = 0;
      current = current === FIRST && !isBackupRefused ? BACKUP : FIRST;
      return failure;
    },
  };
}

export function hostOf(target: ObjectTarget, domain: string): string {
  return `${target.bucket}.cos.${target.region}.${domain}`;
}

/** An object key as it goes over the wire: as any text, but for its slashes. */
export function encodeKey(key: string): string {
  return encode(key).replaceAll('%2F', '/');
}

/** A query as it goes over the wire, and as it is signed: a space is no `+`. */
export function encodeQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');
}

/** Everything but unreserved characters is encoded. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
