import { usageError } from '../core/errors.js';
import { visible } from '../core/text.js';
import { addressOf } from '../net/addresses.js';
import { proxyFor, type ProxyEnvironment } from '../net/proxy.js';
import type { PlanOptions } from '../plan/plan.js';
import { parseSetting, type ProfileSettings } from './profile-settings.js';
import type { UploadFlags } from './upload-options.js';
import type { World } from './world.js';

/** What decides where requests go and whose they are. */
export interface ServiceSettings {
  readonly region: string;
  readonly vodHost: string;
  /** Which service this is: what one has, another has not. */
  readonly scope: string;
  readonly vodEndpoint?: URL;
  readonly cosEndpoint?: URL;
  readonly proxies: ProxyEnvironment;
}

export const DEFAULT_VOD_HOST = 'vod.tencentcloudapi.com';
const DEFAULT_REGION = 'ap-guangzhou';

/** Names under which objects are stored, as far as NO_PROXY is concerned. */
const COS_HOSTS = ['cos.myqcloud.com', 'cos.tencentcos.cn'];

/** Flags before environment before profile before defaults. Throws UsageError for a bad region or proxy. */
export function serviceSettings(
  flags: UploadFlags,
  profile: ProfileSettings,
  world: World,
): ServiceSettings {
  const vodHost = flags.vodHost ?? profile.vodHost ?? DEFAULT_VOD_HOST;
  const proxies = { ...world.env, '--proxy': flags.proxy };
  assertProxies(flags, [vodHost], flags.vodEndpoint, proxies);
  assertProxies(flags, COS_HOSTS, flags.cosEndpoint, proxies);
  return {
    region: flags.region ?? regionFrom(world) ?? profile.region ?? DEFAULT_REGION,
    vodHost,
    scope: vodHost,
    proxies,
    ...(flags.vodEndpoint ? { vodEndpoint: flags.vodEndpoint } : {}),
    ...(flags.cosEndpoint ? { cosEndpoint: flags.cosEndpoint } : {}),
  };
}

function regionFrom({ env }: World): string | undefined {
  const name = 'TENCENTCLOUD_REGION';
  return parseSetting('region', env[name] ?? '', 'environment variables', name);
}

/** Throws UsageError where the proxy that a service would be reached through makes no sense. */
function assertProxies(
  { sandbox }: UploadFlags,
  hosts: readonly string[],
  endpoint: URL | undefined,
  proxies: ProxyEnvironment,
): void {
  const named = sandbox === undefined ? endpoint : new URL('http://127.0.0.1');
  const urls = named ? [named] : hosts.map((host) => new URL(`https://${host}`));
  urls.forEach((url) => proxyFor(addressOf(url), proxies));
}

/** The plan's options; throws UsageError for an environment variable that makes no sense. */
export function planSettings(
  inputs: readonly string[],
  flags: UploadFlags,
  profile: ProfileSettings,
  { scope }: ServiceSettings,
  world: World,
  warn: (message: string) => void,
): Omit<PlanOptions, 'ownDirectories'> {
  const subAppId = flags.subAppId ?? subAppIdFrom(world) ?? profile.subAppId;
  const media = {
    procedure: flags.procedure ?? profile.procedure,
    storageRegion: flags.storageRegion ?? profile.storageRegion,
    subAppId,
    classId: flags.classId ?? profile.classId,
    name: flags.name,
    storagePath: flags.storagePath,
    expireTime: flags.expireTime,
    sourceContext: flags.sourceContext,
    sessionContext: flags.sessionContext,
    extInfo: flags.extInfo,
    mediaType: flags.mediaType,
    coverType: flags.coverType,
  };
  const optional = {
    filesFrom: flags.filesFrom,
    filesFrom0: flags.filesFrom0,
    jobs: flags.jobs,
    order: flags.order,
    covers: flags.covers,
    cover: flags.cover,
    coverDir: flags.coverDir,
  };
  return {
    inputs,
    cwd: world.cwd,
    stdin: world.stdin,
    exclude: flags.exclude,
    excludeFrom: flags.excludeFrom,
    includeHidden: flags.includeHidden,
    followSymlinks: flags.followSymlinks,
    minAgeMs: flags.minAge,
    now: new Date(),
    images: flags.images,
    media: present(media),
    allowEmpty: flags.allowEmpty,
    scope: scope === DEFAULT_VOD_HOST ? '' : scope,
    warn,
    ...present(optional),
  };
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The same object without what is undefined. */
function present<T extends object>(object: T): Present<T> {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as Present<T>;
}

function subAppIdFrom(world: World): number | undefined {
  const text = world.env['VOD_SUB_APP_ID'];
  if (!text) return undefined;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw usageError(
    `VOD_SUB_APP_ID is "${visible(text)}", which is not a whole number from 1`,
    'Set it to the number of the sub-application, or unset it.',
  );
}

/**
 * The options as resolved, for the manifest: nothing secret, nothing that is not set; of the plan none
 * where there is no plan.
 */
export function shownOptions(
  plan: Partial<PlanOptions>,
  flags: UploadFlags,
  service: ServiceSettings,
): Record<string, unknown> {
  const { cover, coverDir, minAgeMs, exclude, images } = plan;
  const isPlanned = plan.inputs !== undefined;
  return present({
    ...plan.media,
    covers: plan.covers ?? (isPlanned ? 'auto' : undefined),
    cover,
    coverDir,
    coverFailure: flags.coverFailure,
    order: plan.order ?? (isPlanned ? 'name' : undefined),
    minAgeMs,
    exclude,
    images,
    concurrency: flags.concurrency,
    partConcurrency: flags.partConcurrency,
    partSize: flags.partSize,
    apiRate: flags.apiRate,
    retries: flags.retries,
    stallTimeoutMs: flags.stallTimeout,
    verify: flags.verify,
    checksum: flags.checksum,
    force: flags.force,
    resume: flags.resume,
    limitRate: flags.limitRate?.text,
    failFast: flags.failFast,
    maxErrors: flags.maxErrors,
    maxDurationMs: flags.maxDuration,
    region: service.region,
    vodHost: service.vodHost,
    vodEndpoint: service.vodEndpoint?.origin,
    cosEndpoint: service.cosEndpoint?.origin,
    sandbox: flags.sandbox,
  });
}
