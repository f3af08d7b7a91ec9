// 出错时给用户看什么、到哪里去办。话由服务器写好，这里不另编。
import { AidError, Refused } from "shantou-aid-contract";
import type { Told } from "./fields";

export interface Trouble {
  text: string;
  /** 逐处的提示。 */
  fields: readonly Told[];
  /** “复制报错信息”的内容；没有就不显示那个按钮。 */
  report: string;
  /** 办完才能继续的页面。 */
  url: string;
  /** 那个页面的按钮。 */
  button: string;
  /** 要重新读取。 */
  reload: boolean;
  /** 按钮灰掉的秒数。 */
  wait: number;
}

const NOTHING: Omit<Trouble, "text"> = { fields: [], report: "", url: "", button: "", reload: false, wait: 0 };

/** 不是接口给的错误是小程序自己的缺陷：不吞掉，交给微信的错误上报。 */
export function troubleOf(error: unknown): Trouble {
  if (!(error instanceof AidError)) throw error;
  const trouble = { ...NOTHING, text: error.text };
  if (!(error instanceof Refused)) return { ...trouble, reload: error.cure === "reload" };
  switch (error.cure) {
    case "fix_input":
      return { ...trouble, fields: error.fields };
    case "consent":
      return { ...trouble, url: `/pages/privacy/privacy?purposes=${error.extra("purposes") ?? ""}`, button: "去阅读并同意" };
    case "verify_identity":
      return { ...trouble, url: "/pages/identity/identity", button: "去实名认证" };
    case "open_existing":
      return { ...trouble, url: existing(error), button: "打开那一份" };
    case "reload":
      return { ...trouble, reload: true };
    case "wait":
      return { ...trouble, wait: error.retryAfter ?? 60 };
    case "report":
    case "mend_client":
      return { ...trouble, report: `${error.code} ${error.requestId}` };
    default:
      return trouble;
  }
}

function existing(error: Refused): string {
  const id = error.extra("application_id");
  return id === undefined ? "" : `/pages/application/application?id=${id}`;
}
