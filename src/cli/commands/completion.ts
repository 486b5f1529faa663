import type { Command } from 'commander';
import { bashCompletion } from '../completion/bash.js';
import { fishCompletion } from '../completion/fish.js';
import { grammarOf } from '../completion/grammar.js';
import { zshCompletion } from '../completion/zsh.js';
import type { World } from '../world.js';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
export type CompletedShell = keyof typeof SCRIPTS;

/** Prints what a shell needs to complete the commands of `program` and their flags. */
export function runCompletion(
  shell: CompletedShell,
  program: Command,
  defaults: ReadonlySet<string>,
  { stdout }: World,
): void {
  stdout.write(SCRIPTS[shell](grammarOf(program, defaults)));
}
