import { isAbsolute, join, resolve } from 'node:path';
import type { UploadFlags } from './upload-options.js';
import type { World } from './world.js';

/** Where the profiles are: `$XDG_CONFIG_HOME/vod-upload`, by default `~/.config/vod-upload`. */
export function configDirectory({ env, home }: Pick<World, 'env' | 'home'>): string {
  return join(baseDirectory(env['XDG_CONFIG_HOME'], join(home, '.config')), 'vod-upload');
}

/** Where the journal lives. */
export function stateDirectory(
  flags: Pick<UploadFlags, 'stateDir'>,
  { env, home, cwd }: Pick<World, 'env' | 'home' | 'cwd'>,
  sandboxDir?: string,
): string {
  const named = flags.stateDir ?? env['VOD_UPLOAD_STATE_DIR'];
  if (named) return resolve(cwd, named);
  if (sandboxDir !== undefined) return join(sandboxDir, '.state');
  const ofUnit = env['STATE_DIRECTORY']?.split(':')[0];
  if (ofUnit) return ofUnit;
  return join(baseDirectory(env['XDG_STATE_HOME'], join(home, '.local', 'state')), 'vod-upload');
}

/** A base directory of the XDG specification, which has relative paths ignored. */
function baseDirectory(named: string | undefined, byDefault: string): string {
  return named !== undefined && isAbsolute(named) ? named : byDefault;
}
