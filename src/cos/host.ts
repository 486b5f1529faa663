import type { ObjectTarget } from '../core/ports.js';
import type { UploadFailure } from '../core/errors.js';

/** The same buckets answer under both (protocol: COS, 1.1). */
const DOMAINS = ['myqcloud.com', 'tencentcos.cn'] as const;
/** So many answers missing one after the other, or one connection, and the other domain is tried. */
const STRIKES = 3;

/** Which of the two domains to use: the one that answers. Shared by all requests of a run. */
export interface Domains {
  readonly current: string;
  /** Hears how each request went. */
  answered(domain: string): void;
  failed(domain: string, failure: UploadFailure): void;
}

export function createDomains(): Domains {
  let index = 0;
  let strikes = 0;
  const current = (): string => DOMAINS[index] as string;
  return {
    get current() {
      return current();
    },
    answered(domain) {
      if (domain === current()) strikes = 0;
    },
    failed(domain, { code, facts }) {
      const isSilent = code === 'network' || code === 'stalled' || code === 'not-the-service';
      if (!isSilent || facts.requestId !== undefined || domain !== current()) return;
      strikes += facts.unconnected === true ? STRIKES : 1;
      if (strikes < STRIKES) return;
      strikes = 0;
      index = (index + 1) % DOMAINS.length;
    },
  };
}

export function hostOf(target: ObjectTarget, domain: string): string {
  return `${target.bucket}.cos.${target.region}.${domain}`;
}

/** An object key as it goes over the wire: everything but unreserved characters and `/` is encoded. */
export function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/');
}
