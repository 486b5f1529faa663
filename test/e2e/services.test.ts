import assert from 'node:assert/strict';
import { truncate } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { createDice } from '../helpers/kill-dice.js';
import { createKillWorld, heldAt } from '../helpers/kill-world.js';

const MIB = 1024 * 1024;
const FILM = ['film.mp4', '--part-size', '1M'];
const ABROAD = 'vod.intl.tencentcloudapi.com';

describe('what was begun for another service', { timeout: 60_000 }, () => {
  for (const rule of ['UploadPart#3:hang', 'CommitUpload:hang']) {
    test(`at ${rule}: is neither given up by an upload to this one nor ended here`, async (t) => {
      const world = await createKillWorld();
      t.after(() => world.close());
      await world.write({ path: 'film.mp4' }, { media: 2 * MIB + 7 }, createDice(t.name));
      const killed = await world.runUntil([...FILM, '--vod-host', ABROAD], (life) =>
        heldAt(world, life, { rule, isDone: false }),
      );
      assert.equal(killed.signal, 'SIGKILL', killed.stderr);
      const commits = (): number[] => world.cloud.sessions().map((session) => session.commits);

      const here = await world.run(FILM);
      assert.equal(here.code, 0, here.stderr);
      assert.doesNotMatch(here.stderr, /changed/);
      const resumed = await world.run(['jobs', 'resume', '--no-manifest']);
      assert.equal(resumed.code, 4, resumed.stderr);
      assert.match(
        resumed.stderr,
        /1 unfinished job stays, which is of another service: run vod-upload jobs resume --vod-host vod\.intl/,
      );
      assert.deepEqual(commits(), [0, 1]);

      const abroad = await world.run(['jobs', 'resume', '--vod-host', ABROAD]);
      assert.equal(abroad.code, 0, abroad.stderr);
      assert.deepEqual(commits(), [1, 1]);
      assert.deepEqual(world.cloud.openUploads(), []);
    });
  }

  test('stays at jobs abort and jobs gc here, and is given up where it was begun', async (t) => {
    const world = await createKillWorld();
    t.after(() => world.close());
    await world.write({ path: 'film.mp4' }, { media: 2 * MIB + 7 }, createDice(t.name));
    await world.runUntil([...FILM, '--vod-host', ABROAD], (life) =>
      heldAt(world, life, { rule: 'UploadPart#3:hang', isDone: false }),
    );
    await truncate(world.shell.at('film.mp4'), MIB);
    for (const action of ['abort', 'gc']) {
      const quiet = await world.shell.run(['jobs', action, '--quiet']);
      assert.equal(quiet.stderr, '');
      const here = await world.shell.run(['jobs', action]);
      assert.equal(here.code, 0, here.stderr);
      const remedy = `of another service: run vod-upload jobs ${action} --vod-host ${ABROAD}`;
      assert.ok(here.stderr.includes(`1 unfinished job stays, which is ${remedy}`), here.stderr);
      assert.equal(world.cloud.openUploads().length, 1);
    }
    const abroad = await world.shell.run(['jobs', 'gc', '--quiet', '--vod-host', ABROAD]);
    assert.equal(abroad.code, 0, abroad.stderr);
    assert.equal(abroad.stderr, '');
    assert.deepEqual(world.cloud.openUploads(), []);
  });
});
