// 订阅消息：必须在点击事件里直接调用。结果只用来登记次数，绝不能拿它决定能不能办事（运营规范 5.21）。

type Wx = Pick<WechatMiniprogram.Wx, "requestSubscribeMessage">;

export interface Subscribed {
  /** 模板 → accept…、reject、ban、filter，原样交给后台。 */
  results: Record<string, string>;
  /** 同意的模板：凡以 accept 开头的都算，新版微信还有 acceptWithAlert 等。 */
  accepted: string[];
  /** 没有弹出或被关闭的原因码（如 20004：用户关了总开关）；弹出了就没有。 */
  failed?: number;
}

/** 一次最多 5 个模板（一次性的和长期的不能混用）。不会抛出错误。 */
export function requestSubscribe(templateIds: readonly string[], platform: Wx = wx): Promise<Subscribed> {
  return new Promise((resolve) => {
    platform.requestSubscribeMessage({
      tmplIds: templateIds.slice(0, 5),
      success: (answer) => {
        const told = answer as unknown as Record<string, unknown>;
        const results: Record<string, string> = {};
        for (const id of templateIds) {
          const result = told[id];
          if (typeof result === "string") results[id] = result;
        }
        resolve({ results, accepted: Object.keys(results).filter((id) => results[id]?.startsWith("accept")) });
      },
      fail: (failure) => resolve({ results: {}, accepted: [], failed: failure.errCode }),
    });
  });
}
