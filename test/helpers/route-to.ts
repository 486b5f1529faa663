import http from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import type { TestContext } from 'node:test';
import { createRoute, type Route, type RouteOptions } from '../../src/net/route.js';

/** The way to a server of the test, which listens until the test is over. */
export async function routeTo(
  t: TestContext,
  server: Server,
  options: Pick<RouteOptions, 'throttle'> = {},
): Promise<Route> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = new URL(`http://127.0.0.1:${port}`);
  const route = createRoute({ endpoint, proxies: {}, ...options });
  t.after(() => {
    route.close();
    server.close();
    if (server instanceof http.Server) server.closeAllConnections();
  });
  return route;
}
