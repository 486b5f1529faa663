import { ServiceError } from './exchange.js';

export type Params = Readonly<Record<string, unknown>>;

type Kind = 'string' | 'uint' | 'int' | 'strings' | 'object';

/** What an action takes; a name that ends in `!` must be there. */
type Schema = Readonly<Record<string, Kind>>;

export const SCHEMAS = {
  ApplyUpload: {
    'MediaType!': 'string',
    SubAppId: 'uint',
    MediaName: 'string',
    CoverType: 'string',
    Procedure: 'string',
    ExpireTime: 'string',
    StorageRegion: 'string',
    ClassId: 'int',
    SourceContext: 'string',
    SessionContext: 'string',
    ExtInfo: 'string',
    MediaStoragePath: 'string',
  },
  CommitUpload: { 'VodSessionKey!': 'string', SubAppId: 'uint' },
  DescribeMediaInfos: { 'FileIds!': 'strings', SubAppId: 'uint', Filters: 'strings' },
  DescribeTasks: {
    SubAppId: 'uint',
    Status: 'string',
    FileId: 'string',
    CreateTime: 'object',
    FinishTime: 'object',
    Sort: 'object',
    Limit: 'uint',
    ScrollToken: 'string',
  },
  DescribeTaskDetail: { 'TaskId!': 'string', SubAppId: 'uint' },
  ParseStreamingManifest: { 'MediaManifestContent!': 'string', ManifestType: 'string' },
} as const satisfies Record<string, Schema>;

export type VodAction = keyof typeof SCHEMAS;

export function isVodAction(name: string): name is VodAction {
  return Object.hasOwn(SCHEMAS, name);
}

function isKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'string':
      return typeof value === 'string';
    case 'int':
      return Number.isInteger(value);
    case 'uint':
      return Number.isInteger(value) && Number(value) >= 0;
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'object':
      return typeof value === 'object' && !Array.isArray(value);
  }
}

/** The parameters that are there, each known and of its type. */
export function checkParams(action: VodAction, params: Params): Params {
  const schema: Schema = SCHEMAS[action];
  const checked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) {
    const kind = schema[name] ?? schema[`${name}!`];
    if (kind === undefined) {
      throw new ServiceError('UnknownParameter', `The parameter \`${name}\` is not recognized.`);
    }
    if (value === null) continue;
    if (!isKind(value, kind)) {
      throw new ServiceError(
        'InvalidParameter',
        `The value type of parameter \`${name}\` is not valid.`,
      );
    }
    checked[name] = value;
  }
  for (const name of Object.keys(schema)) {
    const plain = name.slice(0, -1);
    if (name.endsWith('!') && (checked[plain] === undefined || checked[plain] === '')) {
      const text = `The request is missing a required parameter \`${plain}\`.`;
      throw new ServiceError('MissingParameter', text);
    }
  }
  return checked;
}

/** Form parameters are text: gives numbers and lists (`Name.0`, `Name.1`) their types back. */
export function paramsOfForm(action: VodAction, form: ReadonlyMap<string, string>): Params {
  const schema: Schema = SCHEMAS[action];
  const params: Record<string, unknown> = {};
  for (const [name, value] of form) {
    const [base = '', index] = name.split('.');
    const kind = schema[base] ?? schema[`${base}!`];
    if (kind === 'strings' && index !== undefined) {
      params[base] = [...((params[base] as string[] | undefined) ?? []), value];
    } else if ((kind === 'int' || kind === 'uint') && /^-?\d+$/.test(value)) {
      params[name] = Number(value);
    } else {
      params[name] = value;
    }
  }
  return params;
}

const VIDEO = `wmv rm mov mpeg mp4 3gp flv avi rmvb ts asf mpg webm mkv m3u8 mpd wm asx ram mpe vob dat
  mp4v m4v f4v mxf qt ogg`;
const AUDIO = 'mp3 m4a flac ogg wav ra aac amr';
const IMAGE = 'jpg jpeg png gif bmp tiff ai cdr eps tif heif';

const COVER_TYPES = new Set(IMAGE.split(/\s+/));
const MEDIA_TYPES = new Set(`${VIDEO} ${AUDIO} ${IMAGE}`.split(/\s+/));

const STORAGE_REGIONS = new Set(
  `ap-beijing ap-beijing-1 ap-shanghai ap-nanjing ap-guangzhou ap-guangzhou-2 ap-chongqing ap-chengdu
  ap-hongkong ap-taipei ap-singapore ap-jakarta ap-seoul ap-bangkok ap-tokyo ap-mumbai
  na-siliconvalley na-ashburn na-toronto sa-saopaulo eu-frankfurt eu-moscow`.split(/\s+/),
);

export const API_REGIONS: ReadonlySet<string> = new Set(
  `ap-bangkok ap-beijing ap-chengdu ap-chongqing ap-guangzhou ap-guangzhou-open ap-mumbai ap-seoul
  ap-shanghai ap-shanghai-fsi ap-shenzhen-fsi ap-singapore ap-tokyo eu-frankfurt eu-moscow
  na-ashburn na-siliconvalley na-toronto ap-hongkong ap-jakarta ap-nanjing sa-saopaulo`.split(
    /\s+/,
  ),
);

const EXPIRE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/;

const STORAGE_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/;

/** The limits of ApplyUpload beyond the types: what each text must be, and the code if it is not. */
const APPLY_RULES: readonly {
  readonly field: string;
  readonly code: string;
  readonly isGood: (text: string, nowMs: number) => boolean;
  readonly reason: string;
}[] = [
  {
    field: 'MediaType',
    code: '.MediaType',
    isGood: (text) => MEDIA_TYPES.has(text),
    reason: 'is not a supported type',
  },
  {
    field: 'CoverType',
    code: '.CoverType',
    isGood: (text) => COVER_TYPES.has(text),
    reason: 'is not a supported type',
  },
  {
    field: 'StorageRegion',
    code: '.StorageRegion',
    isGood: (text) => STORAGE_REGIONS.has(text),
    reason: 'is not an opened region',
  },
  {
    field: 'SourceContext',
    code: '',
    isGood: (text) => [...text].length <= 250,
    reason: 'exceeds 250 characters',
  },
  {
    field: 'SessionContext',
    code: '.SessionContextTooLong',
    isGood: (text) => [...text].length <= 1000,
    reason: 'exceeds 1000 characters',
  },
  {
    field: 'ExpireTime',
    code: '.ExpireTime',
    isGood: (text, nowMs) => EXPIRE_TIME.test(text) && Date.parse(text) > nowMs,
    reason: 'is not an ISO 8601 time to come',
  },
  {
    field: 'MediaStoragePath',
    code: '',
    isGood: (text) => STORAGE_PATH.test(text),
    reason: 'is not a plain path that starts with /',
  },
];

export function checkApply(params: Params, nowMs: number): void {
  for (const { field, code, isGood, reason } of APPLY_RULES) {
    const text = params[field];
    if (typeof text === 'string' && text !== '' && !isGood(text, nowMs)) {
      throw new ServiceError(`InvalidParameterValue${code}`, `the ${field} "${text}" ${reason}`);
    }
  }
}
