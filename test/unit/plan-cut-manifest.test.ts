import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import { job, uploaded } from '../helpers/outcomes.js';
import { failAll, FORMATS, writeManifest } from '../helpers/manifests.js';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

test('a manifest that people sorted or indented is still one', async () => {
  await world.write({ 'a.mp4': '1', 'b.mp4': '1' });
  await writeManifest(world, 'm.json', [
    { status: 'interrupted', path: 'b.mp4', job: job('b.mp4') },
    uploaded('a.mp4'),
  ]);
  const text = await fs.readFile(world.at('m.json'), 'utf8');
  const { results } = JSON.parse(text) as { results: object[] };
  for (const shape of [results.toReversed(), { results }, { x: [[1]], results }]) {
    await fs.writeFile(world.at('n.json'), JSON.stringify(shape, null, 4));
    assert.deepEqual(await world.lines([], { jobs: 'n.json' }), ['b.mp4']);
  }
});

test('a manifest cut down to a status and any one result is still one', async () => {
  await world.write({ 'a.mp4': '1', 'b.mp4': '1', 'b.jpg': '1' });
  await writeManifest(world, 'm.json', [
    uploaded('a.mp4'),
    ...failAll(await world.plan(['b.mp4'])),
  ]);
  const text = await fs.readFile(world.at('m.json'), 'utf8');
  const { results } = JSON.parse(text) as { results: Record<string, unknown>[] };
  for (const column of ['reason', 'fileId', 'crc64', 'attempts', 'bytesSent']) {
    const rows = results.map((record) => ({
      path: record['path'],
      status: record['status'],
      name: record['name'],
      [column]: record[column],
    }));
    const [left, ...others] = await world.jobs(
      [],
      await world.jobList('cut.json', JSON.stringify(rows)),
    );
    assert.deepEqual([left?.cover?.path, others], ['b.jpg', []], column);
  }
  const csv = 'path,status,errorCode\na.mp4,uploaded,\nb.mp4,failed,network\n';
  assert.deepEqual(await world.lines([], await world.jobList('cut.csv', csv)), ['b.mp4']);
  const extra = '"{""given"":{""subAppId"":77},""ticket"":""T""}"';
  const told = `path,status,errorMessage,extra\nb.mp4,failed,gone,${extra}\n`;
  const [given] = await world.jobs([], await world.jobList('told.csv', told));
  assert.deepEqual([given?.request.subAppId, given?.extra?.['ticket']], [77, 'T']);
});

test('a status of a manifest without any other result is asked about', async () => {
  await world.write({ 'a.mp4': '1', 'b.mp4': '1', 'c.mp4': '1' });
  const row = { path: 'c.mp4', status: 'failed', name: 'c', cover: null, mediaType: 'mp4' };
  const lists = {
    'list.csv': 'path,status,size\nb.mp4,done,1\na.mp4,uploaded,1\nc.mp4,failed,1\n',
    'list.jsonl': `{"path":"b.mp4"}\n{"path":"a.mp4","status":"uploaded"}\n${JSON.stringify(row)}`,
  };
  for (const [name, list] of Object.entries(lists)) {
    const problems = await world.problems([], await world.jobList(name, list));
    const line = name === 'list.csv' ? 3 : 2;
    assert.deepEqual(problems, [
      `${name}, row 2 (line ${line}): its status is uploaded, but it has no other result of a manifest`,
      `${name}, row 3 (line ${line + 1}): its status is failed, but it has no other result of a manifest`,
    ]);
  }
});

test('a status of its own is a column of a list like others that are not known', async () => {
  await world.write({ 'a.mp4': '1', 'b.mp4': '1' });
  const list = 'path,status,attempts\na.mp4,new,1\nb.mp4,done,2\n';
  assert.deepEqual(await world.lines([], await world.jobList('l.csv', list)), ['a.mp4', 'b.mp4']);
  assert.ok(
    world.warnings.includes(
      'l.csv: the column status is not kept: a manifest has its own of that name',
    ),
  );
});

test('a storage path of a manifest that named nothing in places goes as it was sent', async () => {
  await world.write({ 'a.mp4': '1' });
  const [planned] = await world.plan(['a.mp4']);
  assert.equal(planned?.status, 'planned');
  const extra = { given: { storagePath: '/x//./a.mp4' } };
  const items = [{ ...planned, job: { ...planned.job, extra } }];
  for (const format of FORMATS) {
    await writeManifest(world, `m.${format}`, failAll(items));
    const [one] = await world.jobs([], { jobs: `m.${format}` });
    assert.equal(one?.request.mediaStoragePath, '/x/a.mp4', format);
    assert.deepEqual(one.extra, { given: { storagePath: '/x/a.mp4' } }, format);
  }
});
