/**
 * Makes of `dist/src` what `bin/` runs: the program and its packages, in pieces that are cut where it
 * loads something only when it is needed; with the code caches that V8 leaves after an upload to the
 * sandbox and other commands.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/**
 * The SDKs' transports bring along what takes some 100 ms of a start: the public suffixes that cookies
 * need, ways to sign and to check requests that are not Tencent's, and the URL class of browsers.
 * commander starts no programs here, and would load all that Node needs for it.
 */
const UNUSED = {
  psl: at('scripts/unused.cjs'),
  'http-signature': at('scripts/unused.cjs'),
  'har-validator': at('scripts/unused.cjs'),
  'whatwg-url': 'node:url',
  'node:child_process': at('scripts/unused.cjs'),
};

const COMMON = { target: 'node20', charset: 'ascii', minifyWhitespace: true };

const { outputFiles } = await build({
  ...COMMON,
  entryPoints: [at('dist/src/cli/main.js')],
  outdir: at('dist/bundle/cli'),
  outExtension: { '.js': '.cjs' },
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  // It looks for its native part beside itself.
  external: ['lmdb'],
  alias: UNUSED,
  write: false,
  logLevel: 'warning',
});

/** One function of what a CommonJS module knows: read as it is, it costs no second copy. */
for (const { path, text } of outputFiles) {
  const { code } = await transform(text, {
    ...COMMON,
    format: 'cjs',
    platform: 'node',
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'moduleUrl' },
    banner: text.includes('import.meta.url')
      ? "(function(exports,require,module,__filename,__dirname){const moduleUrl=require('node:url').pathToFileURL(__filename).href;"
      : '(function(exports,require,module,__filename,__dirname){',
    footer: '})',
  });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code);
}
copyFileSync(at('dist/src/cos/crc64.wasm'), at('dist/bundle/cli/crc64.wasm'));

const MIB = 1024 * 1024;
const directory = mkdtempSync(join(tmpdir(), 'vod-upload-build-'));
try {
  writeFileSync(join(directory, 'whole.mp4'), 'one request');
  writeFileSync(join(directory, 'parts.mp4'), Buffer.alloc(2 * MIB));
  const upload = ['*.mp4', '--exclude=*.part', '--part-size=1M', '--sandbox=sandbox'];
  for (const args of [['--help'], ['completion', 'bash'], upload]) {
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
