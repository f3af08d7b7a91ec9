// 全小程序一份：客户端、草稿、上传、参考资料、走访、订阅。
import { Client, Drafts, Reference, Uploads, signedInAs } from "shantou-aid-contract";
import { AS, developing, server } from "./config";
import { VisitBook } from "./logic/visits";
import { Subscriptions } from "./subscriptions";

export interface Services {
  client: Client;
  drafts: Drafts;
  uploads: Uploads;
  reference: Reference;
  visits: VisitBook;
  subscriptions: Subscriptions;
}

let made: Services | undefined;

export function services(): Services {
  if (made === undefined) {
    const as = developing() ? String(wx.getStorageSync(AS)) : "";
    const client = new Client(as === "" ? { base: server() } : { base: server(), wx: signedInAs(as) });
    made = {
      client,
      drafts: new Drafts(client),
      uploads: new Uploads(client),
      reference: new Reference(client),
      visits: new VisitBook(client),
      subscriptions: new Subscriptions(client),
    };
  }
  return made;
}

/** 这些是手机的，不是人的，换人以后留着。 */
const OF_THE_PHONE = ["aid.font", "aid.reference", AS];

/** 退出登录：手机上不留前一个人的草稿、档案、走访。断网也要清干净。 */
export async function leave(): Promise<void> {
  try {
    await services().client.signOut();
  } finally {
    forgetPerson();
  }
}

export function forgetPerson(): void {
  services().client.session.forget();
  services().drafts.clear();
  services().subscriptions.forget();
  for (const key of wx.getStorageInfoSync().keys) {
    if (key.startsWith("aid.") && !OF_THE_PHONE.some((each) => key.startsWith(each))) wx.removeStorageSync(key);
  }
}
