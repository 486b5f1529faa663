import { findObject } from './cos-objects.js';
import { ServiceError } from './exchange.js';
import { mediaUrlOf } from './state.js';
import type { SessionRecord, State } from './state.js';
import { parseStreamingManifest } from './streaming-manifest.js';
import type { Params, VodAction } from './vod-parameters.js';
import type { Sessions } from './vod-sessions.js';
import { describeTask, describeTasks } from './vod-tasks.js';

type Action = (params: Params, nowMs: number) => Promise<object> | object;

/** What each action of the API does; `taskMs` is how long a processing task takes. */
export function createActions(
  state: State,
  sessions: Sessions,
  taskMs: number,
): Record<VodAction, Action> {
  return {
    ApplyUpload: (params, nowMs) => applyResponse(sessions.apply(params, nowMs)),
    CommitUpload: async (params, nowMs) => {
      const subAppId = (params['SubAppId'] as number | undefined) ?? null;
      const session = await sessions.commit(String(params['VodSessionKey']), nowMs, subAppId);
      return {
        FileId: session.fileId,
        MediaUrl: mediaUrlOf(state, session.mediaKey),
        CoverUrl: mediaUrlOf(state, session.coverKey),
      };
    },
    DescribeMediaInfos: (params) => describeMediaInfos(state, params),
    DescribeTasks: (params, nowMs) => describeTasks(state, params, taskMs, nowMs),
    DescribeTaskDetail: (params, nowMs) => describeTask(state, params, taskMs, nowMs),
    ParseStreamingManifest: parseManifest,
  };
}

async function describeMediaInfos(state: State, params: Params): Promise<object> {
  const fileIds = params['FileIds'] as string[];
  if (fileIds.length === 0 || fileIds.length > 20) {
    throw new ServiceError('InvalidParameterValue.FileIds', 'between 1 and 20 FileIds are taken');
  }
  const filters = (params['Filters'] as string[] | undefined) ?? [];
  const wants = (name: string) => filters.length === 0 || filters.includes(name);
  const infos: object[] = [];
  const missing: string[] = [];
  for (const fileId of fileIds) {
    const session = state.sessionOfFile(fileId);
    if (!session?.committedAtMs || session.subAppId !== (params['SubAppId'] ?? null)) {
      missing.push(fileId);
      continue;
    }
    const media = await findObject(state, session.bucket, session.mediaKey);
    infos.push({
      FileId: fileId,
      BasicInfo: wants('basicInfo') ? basicInfo(state, session) : null,
      MetaData: wants('metaData') ? { Size: media?.size ?? 0, ...PROBED } : null,
    });
  }
  return { MediaInfoSet: infos, NotExistFileIdSet: missing };
}

function applyResponse(session: SessionRecord): object {
  const certificate = session.certificates.at(-1);
  return {
    StorageBucket: session.bucket,
    StorageRegion: session.region,
    VodSessionKey: session.sessionKey,
    MediaStoragePath: `/${session.mediaKey}`,
    CoverStoragePath: session.coverKey === null ? null : `/${session.coverKey}`,
    TempCertificate: certificate && {
      SecretId: certificate.secretId,
      SecretKey: certificate.secretKey,
      Token: certificate.token,
      ExpiredTime: certificate.expiresAtMs / 1000,
    },
  };
}

/** What probing a media finds besides its size; nothing is decoded here. */
const PROBED = {
  Container: 'mov,mp4,m4a,3gp,3g2,mj2',
  Bitrate: 0,
  Height: 0,
  Width: 0,
  Duration: 0,
  Rotate: 0,
  VideoStreamSet: [],
  AudioStreamSet: [],
  VideoDuration: 0,
  AudioDuration: 0,
  Md5: '',
};

function basicInfo(state: State, session: SessionRecord): object {
  const { params } = session;
  const committedAt = isoSeconds(session.committedAtMs ?? 0);
  return {
    Name: params['MediaName'] ?? '',
    Description: '',
    CreateTime: isoSeconds(session.appliedAtMs),
    UpdateTime: committedAt,
    ExpireTime: params['ExpireTime'] ?? '9999-12-31T23:59:59Z',
    ClassId: params['ClassId'] ?? 0,
    ClassName: '其他',
    ClassPath: '其他',
    CoverUrl: mediaUrlOf(state, session.coverKey),
    Type: session.mediaType,
    MediaUrl: mediaUrlOf(state, session.mediaKey),
    SourceInfo: { SourceType: 'Upload', SourceContext: params['SourceContext'] ?? '' },
    StorageRegion: session.region,
    StoragePath: `/${session.mediaKey}`,
    TagSet: [],
    Vid: session.fileId,
    Category: 'Video',
    Status: 'Normal',
    StorageClass: 'STANDARD',
  };
}

function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function parseManifest(params: Params): object {
  const type = (params['ManifestType'] as string | undefined) ?? 'm3u8';
  if (type !== 'm3u8' && type !== 'mpd') {
    throw new ServiceError('InvalidParameterValue.ManifestType', `${type} is not m3u8 or mpd`);
  }
  return { MediaSegmentSet: parseStreamingManifest(String(params['MediaManifestContent']), type) };
}
