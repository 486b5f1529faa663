import { UploadFailure } from '../core/errors.js';
import type { Committed, Vod } from '../core/ports.js';
import { sleep } from '../core/waits.js';
import { applyParameters, foundMedia, toCommitted, toSession } from './answers.js';
import { createCall } from './call.js';
import { fileIdHint } from './file-id-hint.js';
import type { VodOptions } from './options.js';

const FIND_PAUSES_MS = [1_000, 2_000, 4_000];

/** The VOD port over tencentcloud-sdk-nodejs-vod (protocol: VOD API 2018-07-17). */
export function createVod(options: VodOptions): Vod {
  const call = createCall(options);

  return {
    applyUpload(request, onRetry, signal) {
      const parameters = applyParameters(request);
      return call(
        async (client) =>
          toSession(await client.ApplyUpload(parameters), request, options.clock.now()),
        onRetry,
        signal,
      );
    },

    commitUpload({ sessionKey, subAppId }, onRetry, signal) {
      const parameters = { VodSessionKey: sessionKey, ...subApp(subAppId) };
      return call(
        async (client) => toCommitted(await client.CommitUpload(parameters)),
        onRetry,
        signal,
      );
    },

    async findMedia({ mediaKey, subAppId }, { mediaStoragePath }, onRetry, signal) {
      // A path of the user's own may look as if it told one.
      const fileId = mediaStoragePath === undefined ? fileIdHint(mediaKey) : undefined;
      if (fileId === undefined) {
        throw new UploadFailure('commit-unknown', 'the storage path does not tell the FileId');
      }
      const parameters = { FileIds: [fileId], Filters: ['basicInfo'], ...subApp(subAppId) };
      const ask = (): Promise<Committed | undefined> =>
        call(
          async (client) => foundMedia(await client.DescribeMediaInfos(parameters), fileId),
          onRetry,
          signal,
        );
      for (const pauseMs of options.findPausesMs ?? FIND_PAUSES_MS) {
        const found = await ask();
        if (found !== undefined) return found;
        await sleep(pauseMs, signal);
      }
      return ask();
    },
  };
}

function subApp(subAppId: number | undefined): { SubAppId?: number } {
  return subAppId === undefined ? {} : { SubAppId: subAppId };
}
