import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const OWN = ['vod-node-sdk', 'cos-nodejs-sdk-v5'];
const AWS = ['@aws-sdk/client-s3', '@aws-sdk/lib-storage'];

/**
 * Where each package of npm that takes part is installed: two are dependencies of this package,
 * the third is fetched into `directory` the first time. Those that cannot be had are left out.
 */
export async function findPackages(directory: string): Promise<Readonly<Record<string, string>>> {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const found = Object.fromEntries(OWN.map((name) => [name, here]));
  return (await fetchAws(directory)) ? { ...found, '@aws-sdk/lib-storage': directory } : found;
}

async function fetchAws(directory: string): Promise<boolean> {
  const require = createRequire(path.join(directory, 'index.js'));
  const isHere = (): boolean => {
    try {
      return AWS.every((name) => require.resolve(name));
    } catch {
      return false;
    }
  };
  if (isHere()) return true;
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'package.json'), '{"private":true}');
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...AWS];
  await promisify(execFile)('npm', install, { cwd: directory }).catch(() => undefined);
  return isHere();
}
