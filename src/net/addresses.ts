import dns from 'node:dns';
import type { TcpSocketConnectOpts } from 'node:net';
import { orAborted } from '../core/waits.js';

/** A place to connect to, by its name or address. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a URL of HTTP or HTTPS names. */
export function addressOf({ protocol, hostname, port }: URL): Address {
  const standard = protocol === 'https:' ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || standard) };
}

/**
 * Node gives up each address of a host but the last after 250 ms, and a far one needs longer. With so much
 * the first packet may be lost, too.
 */
const ADDRESS_TIMEOUT_MS = 2500;
const LEAST_TIMEOUT_MS = 250;

/**
 * What Node is to connect to within this time: addresses that are dead leave some of it to those behind
 * them, and to the handshake. Rejects as the resolver does, or with the signal's reason.
 */
export async function allAddresses(
  address: Address,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<TcpSocketConnectOpts> {
  const found = await orAborted(lookup(address.host), signal);
  const share = Math.floor(timeoutMs / (found.length + 1));
  return {
    ...address,
    lookup: (_host, _options, done) => done(null, found),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.max(LEAST_TIMEOUT_MS, Math.min(ADDRESS_TIMEOUT_MS, share)),
  };
}

/** As Node looks a host up that it connects to. */
function lookup(host: string): Promise<dns.LookupAddress[]> {
  return new Promise((resolve, reject) => {
    dns.lookup(host, { all: true, hints: dns.ADDRCONFIG }, (error, found) => {
      if (error) reject(error);
      else resolve(found);
    });
  });
}
