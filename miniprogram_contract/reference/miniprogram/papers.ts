// 选照片、选文件、上传。断网的一份留着原来的键，重传不会变成两份。
import { AidError, type Purpose, type UploadedFile, newKey } from "shantou-aid-contract";
import { services } from "./services";

export interface Paper {
  /** 上传用的键，也用来辨认是哪一份。 */
  key: string;
  filePath: string;
  size: number;
  /** 传好了才有。 */
  id: string;
  sha256: string;
  text: string;
}

/** 拍照或从相册选，由微信压缩。取消是空的。 */
export function photographed(): Promise<Paper[]> {
  return new Promise((resolve) => {
    wx.chooseMedia({
      count: 9,
      mediaType: ["image"],
      sizeType: ["compressed"],
      success: ({ tempFiles }) => resolve(tempFiles.map(({ tempFilePath, size }) => paper(tempFilePath, size))),
      fail: () => resolve([]),
    });
  });
}

/** 从聊天里选 PDF。 */
export function picked(): Promise<Paper[]> {
  return new Promise((resolve) => {
    wx.chooseMessageFile({
      count: 9,
      type: "file",
      extension: ["pdf"],
      success: ({ tempFiles }) => resolve(tempFiles.map(({ path, size }) => paper(path, size))),
      fail: () => resolve([]),
    });
  });
}

function paper(filePath: string, size: number): Paper {
  return { key: newKey(), filePath, size, id: "", sha256: "", text: "等待上传" };
}

/** 一份一份传；每有进展就告诉页面。传不成的留着，再调用一次接着传。 */
export async function uploaded(papers: readonly Paper[], purpose: Purpose, tell: (papers: Paper[]) => void): Promise<Paper[]> {
  let now = [...papers];
  const put = (key: string, change: Partial<Paper>): void => {
    now = now.map((each) => (each.key === key ? { ...each, ...change } : each));
    tell(now);
  };
  const failures: AidError[] = [];
  await Promise.all(
    papers.filter((each) => each.id === "").map(async ({ key, filePath, size }) => {
      try {
        const onProgress = (percent: number): void => put(key, { text: `正在上传 ${percent}%` });
        put(key, stored(await services().uploads.add({ key, filePath, size, purpose, onProgress })));
      } catch (error) {
        if (!(error instanceof AidError)) throw error;
        put(key, { text: error.text });
        failures.push(error);
      }
    }),
  );
  const [first] = failures;
  if (first !== undefined) throw first;
  return now;
}

function stored({ id, sha256, state }: UploadedFile): Partial<Paper> {
  return { id, sha256, text: state === "rejected" ? "没有通过安全检查，请换一份" : "已上传" };
}
