import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import COS from 'cos-nodejs-sdk-v5';
import type * as tencentcloud from 'tencentcloud-sdk-nodejs-vod';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import type { Sandbox } from '../../src/sandbox/sandbox.js';

const require = createRequire(import.meta.url);
const { vod } = require('tencentcloud-sdk-nodejs-vod') as typeof tencentcloud;

let dir: string;
let sandbox: Sandbox;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vu-sandbox-sdk-'));
  sandbox = await startSandbox({ dir: join(dir, 'cloud'), taskMs: 50 });
});

after(async () => {
  await sandbox.close();
  await rm(dir, { recursive: true });
});

/** Speaks plain HTTP to the sandbox where the SDK believes it speaks TLS to the real host. */
class SandboxAgent extends https.Agent {
  override createConnection() {
    return connect(sandbox.port, '127.0.0.1');
  }
}

type Tc3OrV1 = 'TC3-HMAC-SHA256' | 'HmacSHA1' | 'HmacSHA256';

function createVodClient(signMethod: Tc3OrV1 = 'TC3-HMAC-SHA256', secretKey = sandbox.secretKey) {
  return new vod.v20180717.Client({
    credential: { secretId: sandbox.secretId, secretKey },
    region: 'ap-guangzhou',
    profile: { signMethod, httpProfile: { agent: new SandboxAgent() } },
  });
}

interface Applied {
  readonly StorageBucket?: string;
  readonly StorageRegion?: string;
  readonly MediaStoragePath?: string;
  readonly CoverStoragePath?: string;
  readonly VodSessionKey?: string;
  readonly TempCertificate?: { SecretId?: string; SecretKey?: string; Token?: string };
}

function createCosClient({ TempCertificate }: Applied): COS {
  return new COS({
    SecretId: TempCertificate?.SecretId ?? '',
    SecretKey: TempCertificate?.SecretKey ?? '',
    SecurityToken: TempCertificate?.Token ?? '',
    Protocol: 'http:',
    Ip: `127.0.0.1:${sandbox.port}`,
    Timeout: 5000,
  } as COS.COSOptions);
}

function place(applied: Applied, path = applied.MediaStoragePath) {
  return {
    Bucket: applied.StorageBucket ?? '',
    Region: applied.StorageRegion ?? '',
    Key: path ?? '',
  };
}

for (const method of ['TC3-HMAC-SHA256', 'HmacSHA1', 'HmacSHA256'] as const) {
  test(`the API SDK signing ${method} applies, and reads its own limits back`, async () => {
    const client = createVodClient(method);
    const applied = await client.ApplyUpload({
      MediaType: 'mp4',
      MediaName: '动物 世界+',
      ClassId: 7,
    });
    assert.match(applied.MediaStoragePath ?? '', /^\/\w+\/[0-9a-f]{8}\d{19}\/[A-Za-z]{12}\.mp4$/);
    await assert.rejects(
      client.ApplyUpload({ MediaType: 'exe' }),
      (error: { code?: string }) => error.code === 'InvalidParameterValue.MediaType',
    );
    const { MediaInfoSet, NotExistFileIdSet } = await client.DescribeMediaInfos({
      FileIds: ['1', '2'],
    });
    assert.deepEqual([MediaInfoSet, NotExistFileIdSet], [[], ['1', '2']]);
    await assert.rejects(
      createVodClient(method, 'not the key').ApplyUpload({ MediaType: 'mp4' }),
      (error: { code?: string }) => error.code === 'AuthFailure.SignatureFailure',
    );
  });
}

test('the two SDKs upload a media with its cover, commit it and follow its task', async () => {
  const client = createVodClient();
  const applied = await client.ApplyUpload({
    MediaType: 'mp4',
    MediaName: 'demo',
    CoverType: 'jpg',
    Procedure: 'LongVideoPreset',
    SourceContext: 'context',
    SubAppId: 1500001234,
  });
  const SubAppId = 1500001234;
  const commit = { VodSessionKey: applied.VodSessionKey ?? '', SubAppId };
  await assert.rejects(
    client.CommitUpload(commit),
    (error: { code?: string }) => error.code === 'ResourceNotFound',
  );
  const cos = createCosClient(applied);
  const media = randomBytes(2_500_000);
  const { UploadId } = await cos.multipartInit(place(applied));
  const parts: COS.Part[] = [];
  for (const [i, start] of [0, 1 << 20, 2 << 20].entries()) {
    const Body = media.subarray(start, start + (1 << 20));
    const sent = await cos.multipartUpload({
      ...place(applied),
      UploadId,
      PartNumber: i + 1,
      Body,
    });
    parts.push({ PartNumber: i + 1, ETag: sent.ETag ?? '' });
  }
  const listed = await cos.multipartListPart({
    ...place(applied),
    UploadId,
    MaxParts: '2',
  } as never);
  assert.deepEqual(
    listed.Part.map((part) => part.ETag),
    parts.slice(0, 2).map((part) => part.ETag),
  );
  assert.equal(String(listed.IsTruncated), 'true');
  const { Bucket, Region, Key } = place(applied);
  const list = (await cos.multipartList({
    ...{ Bucket, Region, Prefix: Key.slice(1) },
  } as COS.MultipartListParams)) as unknown as { Upload: { UploadId: string }[] };
  assert.deepEqual(
    list.Upload.map((upload) => upload.UploadId),
    [UploadId],
  );
  const completed = await cos.multipartComplete({ ...place(applied), UploadId, Parts: parts });
  assert.match(completed.ETag, /^"[0-9a-f]{32}-3"$/);
  const cover = Buffer.from('a cover');
  await cos.putObject({ ...place(applied, applied.CoverStoragePath), Body: cover });
  const head = await cos.headObject(place(applied));
  assert.equal(head.headers?.['content-length'], '2500000');
  const got = await cos.getObject(place(applied));
  assert.ok(media.equals(got.Body));

  const committed = await client.CommitUpload(commit);
  const again = await client.CommitUpload(commit);
  assert.equal(again.FileId, committed.FileId);
  assert.ok(BigInt(committed.FileId ?? 0) > 2n ** 53n);
  assert.ok(media.equals(await readFile(sandbox.objectPath(Key.slice(1)))));

  const FileIds = [committed.FileId ?? ''];
  const infos = await client.DescribeMediaInfos({
    FileIds,
    Filters: ['basicInfo', 'metaData'],
    SubAppId,
  });
  assert.equal(infos.MediaInfoSet?.[0]?.MetaData?.Size, media.length);
  assert.equal(infos.MediaInfoSet?.[0]?.BasicInfo?.SourceInfo?.SourceContext, 'context');

  const tasks = await client.DescribeTasks({ FileId: committed.FileId ?? '', SubAppId });
  const TaskId = tasks.TaskSet?.[0]?.TaskId ?? '';
  for (;;) {
    const detail = await client.DescribeTaskDetail({ TaskId, SubAppId });
    if (detail.Status !== 'FINISH') continue;
    const results = detail.ProcedureTask?.MediaProcessResultSet;
    assert.equal(results?.[0]?.TranscodeTask?.Status, 'SUCCESS');
    break;
  }
});

test("the COS SDK's own slicing upload works, and finds parts it left behind", async () => {
  const applied = await createVodClient().ApplyUpload({ MediaType: 'mkv' });
  const bytes = randomBytes(3_200_000);
  const path = join(dir, 'sliced.mkv');
  await writeFile(path, bytes);
  const cos = createCosClient(applied);
  const { UploadId } = await cos.multipartInit(place(applied));
  const Body = bytes.subarray(0, 1 << 20);
  await cos.multipartUpload({ ...place(applied), UploadId, PartNumber: 1, Body });
  const from = sandbox.requests.length;
  await cos.sliceUploadFile({ ...place(applied), FilePath: path });
  const sent = sandbox.requests.slice(from).filter((one) => one.operation === 'UploadPart');
  assert.deepEqual(sent.map((one) => one.partNumber).sort(), [2, 3, 4]);
  assert.ok(bytes.equals(await readFile(sandbox.objectPath(place(applied).Key.slice(1)))));
});

test('vod-node-sdk uploads a playlist with its segments from apply to commit', async () => {
  await writeFile(join(dir, 'main.m3u8'), '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/low.m3u8\n');
  await mkdir(join(dir, 'low'));
  await writeFile(join(dir, 'low/low.m3u8'), '#EXTM3U\n#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n');
  await writeFile(join(dir, 'low/a.ts'), 'segment a');
  await writeFile(join(dir, 'low/b.ts'), 'segment b');
  const { VodUploadClient, VodUploadRequest } = require('vod-node-sdk') as {
    VodUploadClient: new (
      id: string,
      key: string,
    ) => {
      upload(region: string, request: object, done: (error: unknown, data: unknown) => void): void;
    };
    VodUploadRequest: new () => Record<string, unknown>;
  };
  const original = https.Agent.prototype.createConnection;
  https.Agent.prototype.createConnection = SandboxAgent.prototype.createConnection;
  try {
    const request = new VodUploadRequest();
    request['MediaFilePath'] = join(dir, 'main.m3u8');
    const client = new VodUploadClient(sandbox.secretId, sandbox.secretKey);
    const data = await new Promise((resolve, reject) =>
      client.upload('ap-guangzhou', request, (error, result) =>
        error ? reject(error) : resolve(result),
      ),
    );
    const session = sandbox.sessions().at(-1);
    assert.equal((data as { FileId: string }).FileId, session?.fileId);
    assert.equal(session?.commits, 1);
    const folder = session.mediaKey.slice(0, session.mediaKey.lastIndexOf('/'));
    for (const name of ['low/low.m3u8', 'low/a.ts', 'low/b.ts']) {
      const stored = await readFile(sandbox.objectPath(`${folder}/${name}`));
      assert.ok(stored.equals(await readFile(join(dir, name))));
    }
  } finally {
    https.Agent.prototype.createConnection = original;
  }
});
