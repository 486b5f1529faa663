import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stateDirectory } from '../../src/cli/directories.js';
import { hostName, region } from '../../src/cli/flag-values.js';
import type { UploadFlags } from '../../src/cli/upload-options.js';
import { serviceSettings } from '../../src/cli/upload-settings.js';
import type { World } from '../../src/cli/world.js';

function placeFor(env: World['env'], flags: Partial<UploadFlags> = {}): string {
  return stateDirectory(flags as UploadFlags, { env, home: '/u', cwd: '/here' } as World);
}

test('the journal is where it is told to be: by flag, variable, systemd, XDG or nobody', () => {
  const xdg = { XDG_STATE_HOME: '/x' };
  const unit = { ...xdg, STATE_DIRECTORY: '/unit:/other' };
  const named = { ...unit, VOD_UPLOAD_STATE_DIR: 'named' };
  assert.equal(placeFor(named, { stateDir: 'flag' }), '/here/flag');
  assert.equal(placeFor(named), '/here/named');
  assert.equal(placeFor(unit), '/unit');
  assert.equal(placeFor(xdg), '/x/vod-upload');
  assert.equal(placeFor({}), '/u/.local/state/vod-upload');
});

test('an XDG_STATE_HOME that is relative or empty is none: a journal does not move with the directory', () => {
  for (const value of ['', 'relative']) {
    assert.equal(placeFor({ XDG_STATE_HOME: value }), '/u/.local/state/vod-upload');
  }
});

test('the region of the environment is trimmed as keys are, and refused where it is none', () => {
  const regionOf = (name: string): string => {
    const world = { env: { TENCENTCLOUD_REGION: name } } as unknown as World;
    return serviceSettings({} as UploadFlags, { region: 'ap-beijing' }, world).region;
  };
  assert.equal(regionOf('ap-shanghai\r'), 'ap-shanghai');
  assert.equal(regionOf(''), 'ap-beijing');
  assert.throws(
    () => regionOf('ap shanghai'),
    /value of TENCENTCLOUD_REGION must be the name of a/,
  );
});

test('a region and a host name are such by the same rule wherever they are given', () => {
  assert.equal(region('ap-guangzhou'), 'ap-guangzhou');
  assert.throws(() => region('ap-guangzhou\r'), /must be the name of a region/);
  assert.equal(hostName('VOD.Intl.tencentcloudapi.com'), 'vod.intl.tencentcloudapi.com');
  assert.equal(hostName('localhost'), 'localhost');
  assert.throws(() => hostName('a..b'), /must be a host name/);
});
