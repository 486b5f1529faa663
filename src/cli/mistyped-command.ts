import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { usageError } from '../core/errors.js';
import { visible } from '../core/text.js';
import { nearest } from './nearest.js';

/**
 * Throws UsageError where the first input is no file but a command, or nearly one: whatever is no
 * command in its place is an input of the default command.
 */
export function assertNoCommand(
  inputs: readonly string[],
  commands: readonly string[],
  cwd: string,
): void {
  const [word] = inputs;
  if (word === undefined || !/^[a-z]+$/i.test(word)) return;
  const meant = word === 'help' ? '--help' : nearest(word, commands);
  if (meant === undefined || existsSync(resolve(cwd, word))) return;
  throw word === meant
    ? usageError(
        `"${word}" is a command, which comes before all flags, and no file here`,
        `Write vod-upload ${inputs
          .slice(0, 2)
          .map((input) => visible(input))
          .join(' ')}, and then its flags.`,
      )
    : usageError(`"${word}" is no command and no file`, `Did you mean vod-upload ${meant}?`);
}

/** Throws UsageError where a word follows `parent` that is none of its commands. */
export function assertNoWord(
  words: readonly string[],
  parent: string,
  commands: readonly string[],
): void {
  const [word] = words;
  if (word === undefined) return;
  const meant = word === 'help' ? '--help' : nearest(word, commands);
  throw usageError(
    `"${visible(word)}" is no command of ${parent}`,
    meant === undefined
      ? `They are ${commands.join(', ')}.`
      : `Did you mean vod-upload ${parent} ${meant}?`,
  );
}
