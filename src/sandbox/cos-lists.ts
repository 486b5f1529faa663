import { findUpload } from './cos-multipart.js';
import type { CosRequest } from './cos-request.js';
import { numberParam } from './cos-request.js';
import { xmlDocument } from './cos-xml.js';
import type { Answer } from './exchange.js';
import type { State } from './state.js';

const XML = { 'Content-Type': 'application/xml' };
const OWNER_XML = [
  ['ID', 'qcs::cam::uin/100022853:uin/100022853'],
  ['DisplayName', '100022853'],
] as const;

function encoderOf(query: ReadonlyMap<string, string>): (key: string) => string {
  return query.get('encoding-type') === 'url' ? encodeURIComponent : (key) => key;
}

export function listParts(state: State, request: CosRequest): Answer {
  const { bucket, key, query } = request;
  const upload = findUpload(state, request);
  const marker = numberParam(query, 'part-number-marker', 0, Number.MAX_SAFE_INTEGER);
  const most = numberParam(query, 'max-parts', 1000, 1000);
  const later = [...upload.parts.values()]
    .filter((part) => part.number > marker)
    .sort((a, b) => a.number - b.number);
  const page = later.slice(0, most);
  const body = xmlDocument('ListPartsResult', [
    ['Bucket', bucket],
    ['Encoding-type', query.get('encoding-type') ?? ''],
    ['Key', encoderOf(query)(key)],
    ['UploadId', upload.uploadId],
    ['Initiator', OWNER_XML],
    ['Owner', OWNER_XML],
    ['StorageClass', 'Standard'],
    ['PartNumberMarker', marker],
    ['NextPartNumberMarker', page.at(-1)?.number ?? marker],
    ['MaxParts', most],
    ['IsTruncated', page.length < later.length],
    ...page.map(
      (part) =>
        [
          'Part',
          [
            ['PartNumber', part.number],
            ['LastModified', new Date(part.atMs).toISOString()],
            ['ETag', `"${part.etag}"`],
            ['Size', part.size],
          ],
        ] as const,
    ),
  ]);
  return { status: 200, headers: XML, body };
}

export function listUploads(state: State, { bucket, query }: CosRequest): Answer {
  const prefix = query.get('prefix') ?? '';
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = query.get('upload-id-marker') ?? '';
  const most = numberParam(query, 'max-uploads', 1000, 1000);
  const encode = encoderOf(query);
  const later = [...state.uploads.values()]
    .filter((upload) => upload.bucket === bucket && upload.key.startsWith(prefix))
    .filter(({ key, uploadId }) => comparePair([key, uploadId], [keyMarker, idMarker]) > 0)
    .sort((a, b) => comparePair([a.key, a.uploadId], [b.key, b.uploadId]));
  const page = later.slice(0, most);
  const isTruncated = page.length < later.length;
  const last = isTruncated ? page.at(-1) : undefined;
  const body = xmlDocument('ListMultipartUploadsResult', [
    ['Bucket', bucket],
    ['Encoding-Type', query.get('encoding-type') ?? ''],
    ['KeyMarker', encode(keyMarker)],
    ['UploadIdMarker', idMarker],
    ['MaxUploads', most],
    ['Prefix', encode(prefix)],
    ['Delimiter', ''],
    ['IsTruncated', isTruncated],
    ['NextKeyMarker', encode(last?.key ?? '')],
    ['NextUploadIdMarker', last?.uploadId ?? ''],
    ...page.map(
      (upload) =>
        [
          'Upload',
          [
            ['Key', encode(upload.key)],
            ['UploadId', upload.uploadId],
            ['StorageClass', 'STANDARD'],
            ['Initiator', OWNER_XML],
            ['Owner', OWNER_XML],
            ['Initiated', new Date(upload.atMs).toISOString()],
          ],
        ] as const,
    ),
  ]);
  return { status: 200, headers: XML, body };
}

/** By key, then upload id; a key marker alone passes over every upload of that key. */
function comparePair(a: readonly [string, string], b: readonly [string, string]): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1;
  if (b[1] === '' || a[1] === b[1]) return 0;
  return a[1] < b[1] ? -1 : 1;
}
