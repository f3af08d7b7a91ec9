// 上传材料：排队（一次两个）、报告进度、断网用原来的键重发，同一份不会传两次。
import type { Client } from "./client";
import { AidError } from "./errors";
import { Gate } from "./gate";
import { newKey } from "./keys";
import type { Schemas } from "./types";

export type UploadedFile = Schemas["FileView"];
export type Purpose = UploadedFile["purpose"];

export interface Picked {
  /** chooseMedia、chooseMessageFile 给的临时路径。 */
  filePath: string;
  /** 字节数；给了就先核对大小，不白传。 */
  size?: number;
  purpose: Purpose;
  onProgress?: (percent: number) => void;
  /** 重传同一份时给回原来的键。 */
  key?: string;
}

export class TooLarge extends AidError {
  readonly text = "文件超过 10 MB，请压缩后再传，或者换一张。";
  readonly cure = "choose_other_file";
}

const LARGEST = 10 * 1024 * 1024;

export class Uploads {
  private readonly gate = new Gate(2);

  constructor(private readonly client: Client) {}

  async add(picked: Picked): Promise<UploadedFile> {
    if (picked.size !== undefined && picked.size > LARGEST) throw new TooLarge();
    const { filePath, purpose, onProgress } = picked;
    const request = { filePath, fields: { purpose }, ...(onProgress === undefined ? {} : { onProgress }) };
    const answer = await this.gate.through(() => this.client.upload(request, picked.key ?? newKey()));
    return answer.data as UploadedFile;
  }
}
