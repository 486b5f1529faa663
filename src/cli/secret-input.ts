import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { World } from './world.js';

/**
 * One line from stdin. On a terminal it is asked for with `prompt` and not echoed; otherwise it is
 * the first line of what is piped in, blank where there is none. undefined: ^C was typed.
 */
export async function readSecret(
  prompt: string,
  { stdin, stderr }: Pick<World, 'stdin' | 'stderr'>,
): Promise<string | undefined> {
  const terminal = stdin.isTTY === true;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal, historySize: 0 });
  if (terminal) stderr.write(prompt);
  return new Promise((resolve) => {
    let answer: string | undefined = '';
    lines.once('line', (line) => {
      answer = line;
      lines.close();
    });
    lines.once('SIGINT', () => {
      answer = undefined;
      lines.close();
    });
    // Continued after ^Z: readline waits until it is asked to go on.
    lines.on('SIGCONT', () => {
      // It turns the echo off right after this: nobody is asked to type before.
      process.nextTick(() => {
        // What was typed before is seen no more.
        lines.write(null, { ctrl: true, name: 'u' });
        stderr.write(prompt);
        lines.resume();
      });
    });
    lines.once('close', () => {
      if (terminal) stderr.write('\n');
      resolve(answer);
    });
  });
}
