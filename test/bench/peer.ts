/** Uploads files with a package from npm: `peer.js <package> <origin> <where it is installed> <file...>`. */
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { BUCKET, REGION, SECRET_ID, SECRET_KEY } from './account.js';

const MIB = 1024 * 1024;
const [name = '', origin = '', installedAt = '', ...files] = process.argv.slice(2);
const { protocol, host } = new URL(origin);
const require = createRequire(path.join(installedAt, 'index.js'));

/** The little of each package that is used here. */
type Constructor<Instance> = new (...args: readonly unknown[]) => Instance;
interface CosClient {
  uploadFiles(params: object): Promise<{ files: { error: Error | null }[] }>;
}
interface TencentCloud {
  readonly vod: { readonly v20180717: { Client: Constructor<object> } };
  readonly common: Record<'HttpProfile' | 'ClientProfile', Constructor<object>>;
}
interface VodNodeSdk {
  readonly VodUploadClient: Constructor<{
    upload(region: string, request: object, done: (error: Error | null) => void): void;
  }>;
  readonly VodUploadRequest: Constructor<{ MediaFilePath?: string }>;
}
interface S3 {
  readonly S3Client: Constructor<object>;
  readonly Upload: Constructor<{ done(): Promise<unknown> }>;
}

/** Calls `work` for every file, eight at a time. */
async function each(work: (file: string) => Promise<unknown>): Promise<void> {
  const queue = files[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const file of queue) await work(file);
    }),
  );
}

/** The vendor's own call, with its own settings; only where it connects to is changed. */
async function vodNodeSdk(): Promise<void> {
  const inside = createRequire(require.resolve('vod-node-sdk'));
  const cosPath = inside.resolve('cos-nodejs-sdk-v5');
  const Cos = inside(cosPath) as Constructor<object>;
  const cosModule = require.cache[cosPath] as NodeJS.Module;
  cosModule.exports = class extends Cos {
    constructor(options: object) {
      super({ ...options, Protocol: protocol, Ip: host });
    }
  };
  const { vod, common } = inside('tencentcloud-sdk-nodejs') as TencentCloud;
  const http = new common.HttpProfile(`${protocol}//`, host);
  vod.v20180717.Client = class extends vod.v20180717.Client {
    constructor(credential: unknown, region: unknown) {
      super(credential, region, new common.ClientProfile(null, http));
    }
  };
  const { VodUploadClient, VodUploadRequest } = require('vod-node-sdk') as VodNodeSdk;
  const client = new VodUploadClient(SECRET_ID, SECRET_KEY);
  await each(async (file) => {
    const request = new VodUploadRequest();
    request.MediaFilePath = file;
    await new Promise<void>((resolve, reject) => {
      client.upload(REGION, request, (error) => (error === null ? resolve() : reject(error)));
    });
  });
}

async function cosNodeSdk(): Promise<void> {
  const Cos = require('cos-nodejs-sdk-v5') as Constructor<CosClient>;
  const cos = new Cos({
    ...{ SecretId: SECRET_ID, SecretKey: SECRET_KEY, Protocol: protocol, Ip: host },
    ...{ FileParallelLimit: 8, ChunkParallelLimit: 8, ChunkSize: 16 * MIB },
  });
  const target = { Bucket: BUCKET, Region: REGION };
  const { files: results } = await cos.uploadFiles({
    files: files.map((file) => ({ ...target, Key: path.basename(file), FilePath: file })),
    SliceSize: 16 * MIB,
  });
  for (const { error } of results) if (error) throw error;
}

async function awsSdk(): Promise<void> {
  const { S3Client } = require('@aws-sdk/client-s3') as S3;
  const { Upload } = require('@aws-sdk/lib-storage') as S3;
  const client = new S3Client({
    ...{ endpoint: origin, region: REGION, forcePathStyle: true },
    credentials: { accessKeyId: SECRET_ID, secretAccessKey: SECRET_KEY },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  await each((file) => {
    const params = { Bucket: BUCKET, Key: path.basename(file), Body: createReadStream(file) };
    return new Upload({ client, params, partSize: 16 * MIB, queueSize: 8 }).done();
  });
}

const uploads: Readonly<Record<string, () => Promise<void>>> = {
  'vod-node-sdk': vodNodeSdk,
  'cos-nodejs-sdk-v5': cosNodeSdk,
  '@aws-sdk/lib-storage': awsSdk,
};
await uploads[name]?.();
process.exit(0);
