// 小程序页面用到的 wx，网络以外的部分：选文件、弹窗、跳转、存储。网络由测试给：例子，或者真的服务。
export interface Went {
  how: "navigateTo" | "redirectTo" | "switchTab" | "reLaunch" | "navigateBack";
  url: string;
}

type Callbacks = { success?: (answer: object) => void; fail?: (failure: object) => void };

export class Desk {
  readonly stored = new Map<string, string>();
  readonly went: Went[] = [];
  readonly said: string[] = [];
  readonly written = new Map<string, string>();
  readonly shared: string[] = [];
  readonly copied: string[] = [];
  /** 弹窗里写的字；没有就是点了取消。 */
  modal: string | undefined = "";
  /** 选到的文件。 */
  chosen: { path: string; size: number }[] = [{ path: "photo.jpg", size: 1000 }];
  templates: Record<string, string> = {};
  place: object | undefined = { latitude: 23.354, longitude: 116.682 };
  fontSizeSetting = 17;
  version = "develop";

  get wx(): Record<string, unknown> {
    const go = (how: Went["how"]) => (options?: { url?: string }): void => void this.went.push({ how, url: options?.url ?? "" });
    return {
      env: { USER_DATA_PATH: "wxfile://usr" },
      getAccountInfoSync: () => ({ miniProgram: { envVersion: this.version } }),
      getAppBaseInfo: () => ({ fontSizeSetting: this.fontSizeSetting }),
      getStorageSync: (key: string) => (this.stored.has(key) ? (JSON.parse(this.stored.get(key) ?? "") as unknown) : ""),
      setStorageSync: (key: string, value: unknown) => void this.stored.set(key, JSON.stringify(value)),
      removeStorageSync: (key: string) => void this.stored.delete(key),
      getStorageInfoSync: () => ({ keys: [...this.stored.keys()] }),
      navigateTo: go("navigateTo"),
      redirectTo: go("redirectTo"),
      switchTab: go("switchTab"),
      reLaunch: go("reLaunch"),
      navigateBack: go("navigateBack"),
      showToast: ({ title }: { title: string }) => Promise.resolve(void this.said.push(title)),
      stopPullDownRefresh: () => undefined,
      onNetworkStatusChange: () => undefined,
      showModal: ({ success }: Callbacks) => success?.({ confirm: this.modal !== undefined, content: this.modal ?? "" }),
      setClipboardData: ({ data }: { data: string }) => void this.copied.push(data),
      shareFileMessage: ({ filePath }: { filePath: string }) => void this.shared.push(filePath),
      getFileSystemManager: () => ({ writeFileSync: (path: string, text: string) => void this.written.set(path, text) }),
      chooseMedia: ({ success }: Callbacks) =>
        success?.({ tempFiles: this.chosen.map(({ path, size }) => ({ tempFilePath: path, size })) }),
      chooseMessageFile: ({ success }: Callbacks) => success?.({ tempFiles: this.chosen }),
      requestSubscribeMessage: ({ success }: Callbacks) => success?.({ ...this.templates, errMsg: "requestSubscribeMessage:ok" }),
      getLocation: ({ success, fail }: Callbacks) => (this.place === undefined ? fail?.({}) : success?.(this.place)),
    };
  }
}
