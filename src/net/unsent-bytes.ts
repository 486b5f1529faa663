import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/**
 * Bytes of a connection that the peer has not acknowledged yet, as the kernel's table of
 * connections tells; undefined where there is no such table (only Linux has it) or no such row.
 */
export function unsentBytes(socket: Socket): number | undefined {
  const { localPort, remotePort } = socket;
  if (localPort === undefined || remotePort === undefined) return undefined;
  const local = hexPort(localPort);
  const remote = hexPort(remotePort);
  for (const table of ['/proc/self/net/tcp', '/proc/self/net/tcp6']) {
    let text: string;
    try {
      text = readFileSync(table, 'latin1');
    } catch {
      return undefined;
    }
    const row = new RegExp(
      `^ *\\d+: [0-9A-F]+:${local} [0-9A-F]+:${remote} [0-9A-F]{2} ([0-9A-F]{8}):`,
      'm',
    ).exec(text);
    if (row) return parseInt(row[1] as string, 16);
  }
  return undefined;
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}
