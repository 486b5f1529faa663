import { usageError } from '../core/errors.js';
import type { Address } from './addresses.js';

/** Proxy variables as the environment has them, in either case; `--proxy` is what the flag names. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/** The first that is set to something counts. */
const VARIABLES = [
  '--proxy',
  'https_proxy',
  'HTTPS_PROXY',
  'http_proxy',
  'HTTP_PROXY',
  'all_proxy',
  'ALL_PROXY',
];

/** This machine itself. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/i;
/** An entry of NO_PROXY: a host, or all within a domain, on one port or on any. */
const EXEMPTION = /^(?:\*?\.)?(?:\[(.+)\]|([^:]+))(?::(\d+))?$/;

/**
 * Which proxy serves an address, by the first of these that is set, and NO_PROXY; this machine is served by
 * `--proxy` alone. Throws UsageError for a bad one.
 */
export function proxyFor(address: Address, env: ProxyEnvironment): URL | undefined {
  const name = VARIABLES.find((variable) => env[variable]);
  const text = name === undefined ? undefined : env[name];
  if (!text || isExempt(address, env['no_proxy'] || env['NO_PROXY'] || '')) return undefined;
  if (name !== '--proxy' && LOOPBACK.test(address.host)) return undefined;
  const url = parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // The value is not shown: it may hold a password.
    throw usageError(
      `${name} is not the address of an HTTP proxy`,
      'Write it as http://host:port, or leave it out. If it wants a password, set HTTPS_PROXY to http://user:password@host:port.',
    );
  }
  return url;
}

/** A proxy's host and port: what may be shown of it. */
export function shownProxy(proxy: URL): string {
  const port = proxy.port || (proxy.protocol === 'https:' ? '443' : '80');
  return `the proxy ${proxy.hostname}:${port}`;
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function isExempt({ host, port }: Address, list: string): boolean {
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      // An IPv6 address without brackets has colons, and no port.
      const [, bracketed, plain, only] = EXEMPTION.exec(entry) ?? [];
      const name = (bracketed ?? plain ?? entry).toLowerCase();
      const isNamed = host === name || host.endsWith(`.${name}`);
      return isNamed && (only === undefined || Number(only) === port);
    });
}
