/** Proxy variables as the environment has them, in either case. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/** Which proxy serves a host, by HTTPS_PROXY, ALL_PROXY and NO_PROXY. Throws RangeError for a bad one. */
export function proxyFor(host: string, env: ProxyEnvironment): URL | undefined {
  const read = (name: string): string | undefined => env[name.toLowerCase()] || env[name];
  const text = read('HTTPS_PROXY') ?? read('HTTP_PROXY') ?? read('ALL_PROXY');
  if (text === undefined || isExempt(host, read('NO_PROXY') ?? '')) return undefined;
  const url = parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new RangeError('the proxy in the environment is not an http:// or https:// URL');
  }
  return url;
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
