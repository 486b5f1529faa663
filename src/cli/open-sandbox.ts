import { usageError } from '../core/errors.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../sandbox/sandbox.js';
import { becomeSoleOwner } from './sole-owner.js';

/** Starts the sandbox. Throws UsageError where it cannot have its port or its directory. */
export async function openSandbox(options: SandboxOptions): Promise<Sandbox> {
  let giveBack: (() => Promise<void>) | undefined;
  try {
    giveBack = await becomeSoleOwner(options.dir);
    const sandbox = await startSandbox(options);
    return { ...sandbox, close: () => sandbox.close().finally(giveBack) };
  } catch (error) {
    await giveBack?.();
    const { code, message, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw syscall === 'listen'
      ? usageError(
          `the sandbox cannot listen on port ${options.port ?? 0}: ${message}`,
          'Name another --port (0 takes any free one).',
        )
      : usageError(
          `the sandbox cannot keep objects in ${options.dir}: ${message}`,
          'Name a directory that this user can write to.',
        );
  }
}
