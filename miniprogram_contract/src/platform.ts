// 用到的微信能力，一处列全：真机上就是全局的 wx，测试时换成替身。

export type Platform = Pick<
  WechatMiniprogram.Wx,
  "login" | "request" | "uploadFile" | "getStorageSync" | "setStorageSync" | "removeStorageSync"
>;

export interface RawRequest {
  method: "GET" | "POST" | "PUT" | "DELETE";
  url: string;
  headers: Record<string, string>;
  body?: unknown;
  timeout: number;
}

export interface RawUpload {
  url: string;
  headers: Record<string, string>;
  filePath: string;
  fields: Record<string, string>;
  timeout: number;
  onProgress?: (percent: number) => void;
}

export interface RawAnswer {
  status: number;
  /** 头名一律小写。 */
  headers: Record<string, string>;
  data: unknown;
}

/** 请求没有得到回答：断网、超时、切到后台。服务器有没有收到，不知道。 */
export class TransportFailure extends Error {
  constructor(readonly reason: string) {
    super(reason);
    this.name = "TransportFailure";
  }
}

export function send(wx: Platform, request: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    wx.request({
      url: request.url,
      method: request.method,
      header: request.headers,
      timeout: request.timeout,
      dataType: "json",
      ...(request.body === undefined ? {} : { data: request.body as WechatMiniprogram.IAnyObject }),
      success: (answer) => resolve(read(answer.statusCode, answer.header, answer.data)),
      fail: (failure) => reject(new TransportFailure(failure.errMsg)),
    });
  });
}

/** wx.uploadFile 一次一个文件，回答是字符串。 */
export function upload(wx: Platform, request: RawUpload): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const task = wx.uploadFile({
      url: request.url,
      filePath: request.filePath,
      name: "file",
      formData: request.fields,
      header: request.headers,
      timeout: request.timeout,
      success: (answer) => {
        const { header } = answer as unknown as { header?: Record<string, string> };
        resolve(read(answer.statusCode, header ?? {}, answer.data));
      },
      fail: (failure) => reject(new TransportFailure(failure.errMsg)),
    });
    const { onProgress } = request;
    if (onProgress !== undefined) {
      task.onProgressUpdate((update) => onProgress(update.progress));
    }
  });
}

/** wx.login 的一次性 code。每秒不能超过 4 次，所以只由 Session 在需要时调用。 */
export function loginCode(wx: Platform): Promise<string> {
  return new Promise((resolve, reject) => {
    wx.login({
      success: (answer) => resolve(answer.code),
      fail: (failure) => reject(new TransportFailure(failure.errMsg)),
    });
  });
}

function read(status: number, header: Record<string, unknown>, data: unknown): RawAnswer {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    headers[name.toLowerCase()] = String(value);
  }
  return { status, headers, data: parsed(data) };
}

/** problem+json 和 uploadFile 的回答可能还是字符串。 */
function parsed(data: unknown): unknown {
  if (typeof data !== "string" || data === "") {
    return data === "" ? undefined : data;
  }
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
