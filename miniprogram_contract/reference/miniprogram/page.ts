// 每个页面都有的：正在办、出错的话、字号。
import { type Trouble, troubleOf } from "./logic/sentences";
import { rootSize } from "./logic/fonts";

export interface Basic {
  busy: boolean;
  trouble: Trouble | null;
  rootSize: string;
}

export const BASIC: Basic = { busy: false, trouble: null, rootSize: "17px" };

interface Page {
  data: Basic;
  setData(data: Partial<Basic>): void;
}

/** onShow 里调用：字号可能在别的页面改过。 */
export function showing(page: Page): void {
  const { fontSizeSetting } = wx.getAppBaseInfo();
  page.setData({ rootSize: rootSize(String(wx.getStorageSync("aid.font")), fontSizeSetting) });
}

/** 办一件事：按钮先灰掉，免得点两次；出错就显示服务器的话。回答有没有办成。 */
export async function attempt(page: Page, work: () => Promise<void>): Promise<boolean> {
  if (page.data.busy) return false;
  page.setData({ busy: true, trouble: null });
  let wait = 0;
  try {
    await work();
    return true;
  } catch (error) {
    const trouble = troubleOf(error);
    ({ wait } = trouble);
    page.setData({ trouble });
    return false;
  } finally {
    if (wait === 0) page.setData({ busy: false });
    else setTimeout(() => page.setData({ busy: false }), wait * 1000);
  }
}

/** 问一声再办。 */
export function confirmed(title: string, content: string): Promise<boolean> {
  return new Promise((resolve) => {
    wx.showModal({ title, content, success: ({ confirm }) => resolve(confirm), fail: () => resolve(false) });
  });
}

/** 请人写几个字；取消是 undefined。 */
export function asked(title: string, placeholderText: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    wx.showModal({
      title,
      placeholderText,
      editable: true,
      success: ({ confirm, content }) => resolve(confirm ? content : undefined),
      fail: () => resolve(undefined),
    });
  });
}

export function say(title: string): void {
  void wx.showToast({ title, icon: "none", duration: 3000 });
}

export function go(url: string): void {
  wx.navigateTo({ url });
}

export function dataset(event: WechatMiniprogram.BaseEvent, name: string): string {
  return String(event.currentTarget.dataset[name] ?? "");
}

export interface Filled {
  at: string;
  value: unknown;
}
