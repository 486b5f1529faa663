import { usageError } from '../core/errors.js';

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

/** This machine itself, as a URL or a socket names it. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/i;

/**
 * Which proxy serves a host, by the first of these that is set, and NO_PROXY; this machine is served by
 * `--proxy` alone. Throws UsageError for a bad one.
 */
export function proxyFor(host: string, env: ProxyEnvironment): URL | undefined {
  const name = VARIABLES.find((variable) => env[variable]);
  const text = name === undefined ? undefined : env[name];
  if (!text || isExempt(host, env['no_proxy'] || env['NO_PROXY'] || '')) return undefined;
  if (name !== '--proxy' && LOOPBACK.test(host)) return undefined;
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

function isExempt(host: string, list: string): boolean {
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const name = entry
        .replace(/^\*?\./, '')
        .replace(/:\d+$/, '')
        .toLowerCase();
      return host === name || host.endsWith(`.${name}`);
    });
}
