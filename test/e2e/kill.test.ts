import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { audit } from '../helpers/kill-audit.js';
import { createDice, type Dice } from '../helpers/kill-dice.js';
import { createKillWorld, heldAt, type KillWorld, type Title } from '../helpers/kill-world.js';

const MIB = 1024 * 1024;
/** What the loop does can be repeated with the same number. */
const SEED = 20_240_607;

/** Where a run is when it is killed; `then`: where the next one is, that goes on from there. */
interface Death {
  readonly at: string;
  readonly rule: string;
  readonly then?: string;
}

const DEATHS: readonly Death[] = [
  { at: 'claimed, session asked for', rule: 'ApplyUpload:hang' },
  { at: 'session granted, nobody was told', rule: 'ApplyUpload:hang-after' },
  { at: 'session durable, a single PUT under way', rule: 'PutObject:hang', then: 'PutObject:hang' },
  { at: 'single PUT stored, nobody was told', rule: 'PutObject:hang-after' },
  { at: 'session durable, multipart asked for', rule: 'InitiateMultipartUpload:hang' },
  {
    at: 'multipart begun, nobody was told',
    rule: 'InitiateMultipartUpload:hang-after',
    then: 'ListMultipartUploads:hang',
  },
  { at: 'upload id durable, first part on its way', rule: 'UploadPart#1:hang' },
  { at: 'part on its way', rule: 'UploadPart#2:hang', then: 'ListParts:hang' },
  { at: 'part stored, nobody was told', rule: 'UploadPart#2:hang-after', then: 'ListParts:hang' },
  { at: 'complete asked for', rule: 'CompleteMultipartUpload:hang', then: 'ListParts:hang' },
  {
    at: 'completed, nobody was told',
    rule: 'CompleteMultipartUpload:hang-after',
    then: 'ListParts:hang',
  },
  { at: 'assembled, commit asked for', rule: 'CommitUpload:hang', then: 'CommitUpload:hang' },
  {
    at: 'committed, nobody was told',
    rule: 'CommitUpload:hang-after',
    then: 'CommitUpload:hang-after',
  },
];

/** Of every kind one: in parts and with a cover, small, a playlist with segments. */
async function writeFolder(world: KillWorld, folder: string, dice: Dice): Promise<void> {
  const sizes = { media: 2 * MIB + dice.whole(1, 5000), other: dice.whole(1, 3000) };
  const titles: readonly Title[] = [
    { path: `${folder}/film.mp4`, cover: `${folder}/film.jpg` },
    { path: `${folder}/stream.m3u8`, segments: [`${folder}/s/0.ts`, `${folder}/s/1.ts`] },
  ];
  for (const title of titles) await world.write(title, sizes, dice);
  await world.write({ path: `${folder}/trailer.mp4` }, { media: sizes.other }, dice);
}

async function assertAllIsWell(world: KillWorld, tell: (text: string) => void): Promise<void> {
  const { complaints, waste } = await audit(world);
  const kills = world.traces.filter(({ ran }) => ran.signal === 'SIGKILL').length;
  tell(`${kills} kills, waste ratio ${waste.toFixed(3)}`);
  assert.deepEqual(complaints, []);
}

describe('kill -9 is an ordinary way to end the program', { concurrency: 2 }, () => {
  for (const [name, isDone] of [
    ['before the deed', false],
    ['after the deed, which nobody was told of', true],
  ] as const) {
    describe(`at each phase, ${name}`, { concurrency: 1 }, () => {
      const deaths = DEATHS.filter(({ rule }) => rule.endsWith('-after') === isDone);
      const folders = deaths.map((_death, index) => `phase-${index}`);
      let world: KillWorld;
      before(async () => {
        world = await createKillWorld();
        const dice = createDice(`${SEED}/${name}`);
        for (const folder of folders) await writeFolder(world, folder, dice);
      });
      after(() => world.close());

      for (const [index, { at, rule, then }] of deaths.entries()) {
        for (const [round, fault] of [rule, then].entries()) {
          if (fault === undefined) continue;
          test(`${at}${round === 0 ? '' : `, and again: ${fault}`}`, async () => {
            const ran = await world.runUntil([`phase-${index}`, '--part-size', '1M'], (life) =>
              heldAt(world, life, { rule: fault, isDone: fault.endsWith('-after') }),
            );
            assert.equal(ran.signal, 'SIGKILL', ran.stderr);
          });
        }
      }

      test('one last run ends it: all there, once, and nothing left over', async (t) => {
        const ran = await world.run([...folders, '--part-size', '1M']);
        assert.equal(ran.code, 0, ran.stderr);
        await assertAllIsWell(world, (text) => t.diagnostic(text));
      });
    });
  }

  for (const loop of [1, 2]) {
    test(`at random moments, loop ${loop} of seed ${SEED}`, async (t) => {
      const dice = createDice(`${SEED}/${loop}`);
      const world = await createKillWorld(['UploadPart:delay=60@0.5', 'CommitUpload:delay=40@0.5']);
      t.after(() => world.close());
      const args = ['videos', '--part-size', '1M', '--part-concurrency', '3'];
      for (let file = 0; file < 8; file++) {
        const path = `videos/${file}.mp4`;
        await world.write({ path }, { media: dice.whole(1, 4 * MIB) }, dice);
      }
      for (let kill = 0; kill < 10; kill++) {
        const [arrived, moreMs] = [dice.whole(0, 9), dice.whole(0, 30)];
        await world.runUntil(args, async (life) => {
          await life.until(() => life.requests().length >= arrived);
          await sleep(moreMs);
        });
      }
      const ran = await world.run(args);
      assert.equal(ran.code, 0, ran.stderr);
      await assertAllIsWell(world, (text) => t.diagnostic(text));
    });
  }
});
