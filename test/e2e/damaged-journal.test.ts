import assert from 'node:assert/strict';
import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { test } from 'node:test';
import { damageRows } from '../helpers/damage-rows.js';
import { createKilled, type KillWorld } from '../helpers/kill-world.js';

async function assertDamageIsTold({ shell }: KillWorld, args: string[], code: number) {
  const ran = await shell.run(args);
  assert.equal(ran.code, code, ran.stderr);
  assert.match(ran.stderr, /the journal .*journal\.lmdb is damaged/);
  assert.match(ran.stderr, /Move .*journal\.lmdb away, or restore it/);
}

test('an upload whose checkpoint is damaged is told by all that asks for it, but by jobs gc', async (t) => {
  const world = await createKilled(t);
  await damageRows(world.shell.at('state/vod-upload/journal.lmdb'), ['checkpoints']);
  await assertDamageIsTold(world, ['film.mp4'], 3);
  await assertDamageIsTold(world, ['jobs', 'list'], 2);
  for (const command of ['resume', 'abort']) {
    await assertDamageIsTold(world, ['jobs', command], 3);
  }
  assert.equal((await world.shell.run(['jobs', 'gc'])).code, 0);
  assert.equal(world.cloud.sessions().length, 1);
  await world.shell.write('other.mp4', 'other');
  const { code, stdout } = await world.shell.run(['film.mp4', 'other.mp4', '-c', '1']);
  assert.equal(code, 3);
  assert.match(stdout, /^\d+\tother\.mp4\n$/);
});

test('of a run whose lease is damaged the files count as held, and --dry-run says so', async (t) => {
  const world = await createKilled(t);
  await damageRows(world.shell.at('state/vod-upload/journal.lmdb'), ['runs']);
  const planned = await world.shell.run(['film.mp4', '--dry-run']);
  assert.equal(planned.code, 7, planned.stderr);
});

test('a file whose ledger entry is damaged is not uploaded again, and --dry-run says so', async (t) => {
  const world = await createKilled(t);
  assert.equal((await world.run(['film.mp4'])).code, 0);
  await damageRows(world.shell.at('state/vod-upload/journal.lmdb'), ['ledger']);
  await assertDamageIsTold(world, ['film.mp4'], 3);
  const planned = await world.shell.run(['film.mp4', '--dry-run']);
  assert.equal(planned.code, 3, planned.stderr);
  assert.match(planned.stdout, /^fail {4}film\.mp4 \(the journal .* is damaged\)\n0 to upload/);
  assert.equal(world.cloud.committed().length, 1);
});

test('an upload whose secrets cannot be read for now stays, and is finished later', async (t) => {
  const { cloud, shell } = await createKilled(t);
  const sessions = shell.at('state/vod-upload/sessions');
  const [name = ''] = await readdir(sessions);
  await rename(`${sessions}/${name}`, shell.at('aside'));
  await mkdir(`${sessions}/${name}`);
  const listed = await shell.run(['jobs', 'list']);
  assert.equal(listed.code, 0, listed.stderr);
  for (const command of ['abort', 'resume']) {
    const ran = await shell.run(['jobs', command]);
    assert.equal(ran.code, 8, ran.stderr);
    assert.match(ran.stderr, /film\.mp4.*cannot read the journal /);
  }
  await rmdir(`${sessions}/${name}`);
  await rename(shell.at('aside'), `${sessions}/${name}`);
  const resumed = await shell.run(['jobs', 'resume']);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.equal(cloud.sessions().length, 1);
});
