import { ServiceError } from './exchange.js';
import { mediaUrlOf } from './state.js';
import type { SessionRecord, State } from './state.js';
import type { Params } from './vod-parameters.js';

/**
 * The processing task that a commit with a procedure starts: it is made up from the clock.
 * A procedure with "fail" in its name ends with a failed subtask, to rehearse that FINISH is no success.
 */
interface Task {
  readonly session: SessionRecord;
  readonly taskId: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly isFinished: boolean;
  readonly progress: number;
}

function taskOf(session: SessionRecord, taskMs: number, nowMs: number): Task | undefined {
  const { taskId, committedAtMs } = session;
  if (taskId === null || committedAtMs === null) return undefined;
  const finishedAtMs = committedAtMs + taskMs;
  const elapsed = Math.max(0, nowMs - committedAtMs);
  return {
    session,
    taskId,
    startedAtMs: committedAtMs,
    finishedAtMs,
    isFinished: nowMs >= finishedAtMs,
    progress: Math.min(100, Math.floor((100 * elapsed) / Math.max(1, taskMs))),
  };
}

function tasks(state: State, params: Params, taskMs: number, nowMs: number): Task[] {
  return [...state.sessions.values()]
    .filter((session) => session.subAppId === (params['SubAppId'] ?? null))
    .flatMap((session) => taskOf(session, taskMs, nowMs) ?? []);
}

function times(task: Task) {
  const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    BeginProcessTime: iso(task.startedAtMs),
    FinishTime: task.isFinished ? iso(task.finishedAtMs) : '0000-00-00T00:00:00Z',
    CreateTime: iso(task.startedAtMs),
  };
}

export function describeTasks(state: State, params: Params, taskMs: number, nowMs: number): object {
  const limit = (params['Limit'] as number | undefined) ?? 10;
  if (limit < 1 || limit > 100) {
    throw new ServiceError('InvalidParameterValue.Limit', 'Limit must be 1 to 100');
  }
  const offset = Number(params['ScrollToken'] || 0);
  const found = tasks(state, params, taskMs, nowMs).filter(
    (task) =>
      (!params['FileId'] || params['FileId'] === task.session.fileId) &&
      (!params['Status'] || params['Status'] === statusOf(task)),
  );
  const page = found.slice(offset, offset + limit);
  return {
    TaskSet: page.map((task) => ({
      TaskId: task.taskId,
      Status: statusOf(task),
      FileId: task.session.fileId,
      TaskType: 'Procedure',
      ...times(task),
      SessionId: '',
      SessionContext: task.session.params['SessionContext'] ?? '',
    })),
    ScrollToken: offset + limit < found.length ? String(offset + limit) : '',
  };
}

function statusOf(task: Task): string {
  return task.isFinished ? 'FINISH' : 'PROCESSING';
}

export function describeTask(state: State, params: Params, taskMs: number, nowMs: number): object {
  const task = tasks(state, params, taskMs, nowMs).find((one) => one.taskId === params['TaskId']);
  if (!task) throw new ServiceError('ResourceNotFound', 'there is no such task');
  const { session } = task;
  return {
    TaskType: 'Procedure',
    Status: statusOf(task),
    ...times(task),
    ProcedureTask: {
      TaskId: task.taskId,
      Status: statusOf(task),
      ErrCode: 0,
      Message: '',
      FileId: session.fileId,
      FileName: session.params['MediaName'] ?? '',
      FileUrl: mediaUrlOf(state, session.mediaKey),
      MetaData: null,
      MediaProcessResultSet: subtasks(task),
      TasksPriority: 0,
      TasksNotifyMode: 'Finish',
      SessionContext: session.params['SessionContext'] ?? '',
      SessionId: '',
    },
  };
}

function subtasks(task: Task): object[] {
  const isDoomed = /fail/i.test(String(task.session.params['Procedure']));
  const done = isDoomed
    ? { Status: 'FAIL', ErrCodeExt: 'SourceFileError.NoVideoMedia', Message: 'no video stream' }
    : { Status: 'SUCCESS', ErrCodeExt: '', Message: 'SUCCESS' };
  const going = { Status: 'PROCESSING', ErrCodeExt: '', Message: '' };
  const result = {
    ...(task.isFinished ? done : going),
    ErrCode: task.isFinished && isDoomed ? 60000 : 0,
    Progress: task.progress,
  };
  return [
    {
      Type: 'Transcode',
      TranscodeTask: { ...result, Input: { Definition: 100_040 }, Output: null },
    },
    {
      Type: 'CoverBySnapshot',
      CoverBySnapshotTask: {
        ...result,
        ...(task.isFinished ? { Status: 'SUCCESS', ErrCodeExt: '', ErrCode: 0, Message: '' } : {}),
        Input: { Definition: 10 },
        Output: null,
      },
    },
  ];
}
