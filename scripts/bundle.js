/**
 * Makes of `dist/src` what `bin/` runs: the program and its packages in one file, and once more without
 * what the commands load when they run, for help, versions and completion; with the code caches that
 * V8 leaves after an upload to the sandbox and after the help.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/**
 * The SDKs' transports bring along what takes some 100 ms of a start: the public suffixes that cookies
 * need, ways to sign and to check requests that are not Tencent's, and the URL class of browsers.
 */
const UNUSED = {
  psl: at('scripts/unused.cjs'),
  'http-signature': at('scripts/unused.cjs'),
  'har-validator': at('scripts/unused.cjs'),
  'whatwg-url': 'node:url',
};

/** Leaves out what is loaded when a command runs, but for completion, which is text about the others. */
const WITHOUT_COMMANDS = {
  name: 'without-commands',
  setup: ({ onResolve }) =>
    onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === 'dynamic-import' && !path.endsWith('/completion.js')
        ? { path, external: true }
        : undefined,
    ),
};

/** One function of what a CommonJS module knows: read as it is, it costs no second copy. */
const bundle = (name, plugins) =>
  build({
    entryPoints: [at('dist/src/cli/main.js')],
    outfile: at(`dist/bundle/cli/${name}.cjs`),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    charset: 'ascii',
    minifyWhitespace: true,
    // It looks for its native part beside itself.
    external: ['lmdb'],
    alias: UNUSED,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'moduleUrl' },
    banner: {
      js: "(function(exports,require,module,__filename,__dirname){const moduleUrl=require('node:url').pathToFileURL(__filename).href;",
    },
    footer: { js: '})' },
    logLevel: 'warning',
    plugins,
  });

await bundle('main', []);
await bundle('brief', [WITHOUT_COMMANDS]);
copyFileSync(at('dist/src/cos/crc64.wasm'), at('dist/bundle/cli/crc64.wasm'));

const MIB = 1024 * 1024;
const directory = mkdtempSync(join(tmpdir(), 'vod-upload-build-'));
try {
  writeFileSync(join(directory, 'whole.mp4'), 'one request');
  writeFileSync(join(directory, 'parts.mp4'), Buffer.alloc(2 * MIB));
  const upload = ['whole.mp4', 'parts.mp4', '--part-size=1M', '--sandbox=sandbox'];
  for (const args of [upload, ['--help']]) {
    const { status, stderr } = spawnSync(process.execPath, [at('scripts/code-cache.js'), ...args], {
      cwd: directory,
      encoding: 'utf8',
    });
    if (status !== 0)
      throw new Error(`${args[0]} failed, of which there is to be a code cache: ${stderr}`);
  }
} finally {
  rmSync(directory, { recursive: true });
}
